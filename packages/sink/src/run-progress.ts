import type { Position } from '@edgelog/sync';
import type { Handover } from './handover.ts';
import { HANDOVER_MS } from './limits.ts';
import type { PositionsTopic } from './positions-topic.ts';
import { type PositionRecord, sharesOf } from './records.ts';
import type { Registration } from './registration.ts';

export interface RunProgressDeps {
  readonly positions: PositionsTopic;
  readonly now: () => number;
  readonly monotonic: () => number;
}

export interface RunProgressStart {
  readonly producerId: number;
  readonly registration: Registration;
  readonly position: Position | undefined;
  /** Of the partition, before which nothing of the run is beyond `position`. */
  readonly offset: number;
  readonly handover: Handover;
}

/** How far a session is, and how much of that is written down in the positions topic. */
export class RunProgress {
  readonly #deps: RunProgressDeps;
  readonly #start: RunProgressStart;
  #position: Position | undefined;
  #offset: number;
  #dirtySince: number | undefined;
  #writing: Promise<void> | undefined;

  constructor(deps: RunProgressDeps, start: RunProgressStart) {
    const { position, offset, registration } = start;
    this.#deps = deps;
    this.#start = start;
    this.#position = position;
    this.#offset = offset;
    // What had to be looked for is not looked for again.
    const written = registration.position?.record.offset ?? registration.record.offset;
    if (offset > written) this.#dirtySince = deps.monotonic();
  }

  /** Monotonic, when the oldest commit that is not written down was; undefined: all is. */
  get dirtySince(): number | undefined {
    return this.#dirtySince;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** All up to `position` is committed, below `endOffset` of the partition. */
  committed(position: Position, endOffset: number): void {
    this.#position = position;
    this.#offset = endOffset;
    this.#dirtySince ??= this.#deps.monotonic();
  }

  /** Writes it down. `isSettled`: nothing of the run was sent beyond it. Rejects as the cluster does; it is due again then. */
  async write(isSettled: boolean): Promise<void> {
    await this.#writing;
    const { positions, now, monotonic } = this.#deps;
    const { producerId, registration, handover } = this.#start;
    const { gateway, logId, topic, topicId, partition, opening } = registration.record;
    const since = this.#dirtySince;
    const { wantedMs } = handover;
    this.#dirtySince = undefined;
    const record: PositionRecord = {
      ...{ gateway, logId, topic, topicId, partition },
      ...this.#position,
      ...{ offset: this.#offset, opening, isSettled, at: now() },
      ...(wantedMs > HANDOVER_MS ? { handoverMs: wantedMs } : {}),
    };
    const write = positions.writePosition(sharesOf(logId).position, producerId, record);
    this.#writing = write.then(
      () => {},
      () => {},
    );
    try {
      await write;
      handover.written(wantedMs, monotonic());
    } catch (error) {
      this.#dirtySince ??= since ?? monotonic();
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }
}

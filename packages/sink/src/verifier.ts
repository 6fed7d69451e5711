import { EdgelogError } from '@edgelog/base';
import { refuse, type SyncLog } from '@edgelog/sync';
import type { SinkCluster } from './cluster.ts';
import { SETTLE_MS_MAX } from './limits.ts';
import { sealedCrc } from './position.ts';
import type { PositionsTopic } from './positions-topic.ts';
import { sharesOf } from './records.ts';
import type { Registration } from './registration.ts';
import type { RunSession } from './run.ts';
import type { SinkTimers } from './sink-types.ts';
import type { Counters } from './status.ts';
import { pause } from './survey.ts';

export interface VerifierDeps {
  readonly cluster: Pick<SinkCluster, 'scan'>;
  readonly positions: PositionsTopic;
  readonly timers: SinkTimers;
  readonly monotonic: () => number;
  readonly log: SyncLog;
  readonly counters: Counters;
}

export interface Verified {
  readonly session: RunSession;
  readonly registration: Registration;
  readonly producerId: number;
  /** So many batches are read back, one at a time, before the session goes on as always. */
  readonly toCompare: number;
}

const RETRY_MS = 200;

/** Whether what a session has committed is its own, and the run still is. Ends the session where that is not so, or cannot be known. */
export class Verifier {
  readonly #deps: VerifierDeps;
  readonly #session: RunSession;
  readonly #registration: Registration;
  readonly #producerId: number;
  readonly #where: string;
  /** Up to which edge offset commits were compared, and how many are yet to be. */
  #compared = 0;
  #toCompare: number;

  constructor(deps: VerifierDeps, { session, registration, producerId, toCompare }: Verified) {
    const { topic, partition } = registration.place;
    this.#deps = deps;
    this.#session = session;
    this.#registration = registration;
    this.#producerId = producerId;
    this.#where = `${topic}-${partition}`;
    this.#toCompare = toCompare;
    session.isCautious = toCompare > 0;
  }

  /**
   * Reads back what was committed first, as long as something may be under way that was sent under an older opening: a clone's batch with the
   * same sequences would have been there before, and Kafka takes ours for a repeat of it. False: the session is over.
   */
  async isStored(count: number): Promise<boolean> {
    for (const { position, endOffset, records } of this.#session.done(count)) {
      if (this.#toCompare === 0 || position.next <= this.#compared) continue;
      const { cluster, log, counters } = this.#deps;
      const offset = endOffset - records;
      // What retention has deleted since cannot be compared, and is nothing to wait for.
      let { crc } = position;
      try {
        await cluster.scan(this.#registration.place, offset, ({ bytes, header }) => {
          if (header.baseOffset === offset) crc = sealedCrc(bytes, header);
          return false;
        });
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        counters.failed(`reading ${this.#where}`, error.message);
        this.#session.end(refuse('not-available', `${this.#where}: ${error.message}`));
        return false;
      }
      if (crc !== position.crc) {
        const message = `${this.#where}: the cluster has other records of run ${this.#producerId} before ${position.next}`;
        log.warn('another gateway sends under the same run', {
          run: this.#producerId,
          partition: this.#where,
        });
        this.#session.end(refuse('not-available', message));
        return false;
      }
      this.#compared = position.next;
      this.#toCompare--;
      this.#session.isCautious = this.#toCompare > 0;
    }
    return true;
  }

  /** Reads on what others opened. False: the session is over. */
  async isMine(): Promise<boolean> {
    const { positions, monotonic, timers, log } = this.#deps;
    const { record } = this.#registration;
    for (const since = monotonic(); ; await pause(timers, RETRY_MS)) {
      try {
        await positions.read(sharesOf(record.logId).opening);
        break;
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#deps.counters.failed(`reading ${positions.topic.name}`, error.message);
        if (monotonic() - since < SETTLE_MS_MAX) continue;
        this.#session.end(refuse('not-available', `${this.#where}: ${error.message}`));
        return false;
      }
    }
    if (this.#session.ending?.code === 'shutting-down') return false;
    if (!positions.known.isFenced(this.#producerId, record.opening)) return true;
    log.info('a run was opened elsewhere', { run: this.#producerId, partition: this.#where });
    this.#session.end(refuse('not-available', `${this.#where}: the run was opened elsewhere`));
    return false;
  }
}

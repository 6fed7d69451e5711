import { assert } from '@edgelog/base';
import {
  type Gap,
  type HubAppend,
  type HubPort,
  type Position,
  type Refusal,
  type RunInfo,
  refuse,
} from '@edgelog/sync';
import { readBatchHeader, verifyBatchCrc } from '@edgelog/wire';
import { recordsIn } from './batch.ts';
import type { Clock } from './clock.ts';
import type { Prng } from './prng.ts';

export interface StoredBatch {
  producerId: number;
  base: number;
  next: number;
  crc: number;
  records: readonly number[];
}

interface StoredRun {
  info: RunInfo;
  gateway: string;
  partition: number;
  position: Position | undefined;
}

interface Disk {
  /** In the order of their appends, all partitions. */
  batches: StoredBatch[];
  runs: Map<number, StoredRun>;
  gaps: Gap[];
}

export interface HubFaults {
  /** Acknowledges what is not on disk yet. */
  ackBeforeCommit?: boolean;
  /** Answers an opening with where the run stood one batch ago. */
  stalePosition?: boolean;
  /** Stores a repeat again. */
  noDedupe?: boolean;
  /** Answers an opening with what is not committed yet. */
  uncommittedPosition?: boolean;
}

export interface HubStoreOptions {
  clock: Clock;
  prng: Prng;
  /** A group commit takes from nothing to this long. */
  commitMsMax: number;
  illegalTopics?: readonly string[];
  /** Faults of the store itself, which the checker has to find. */
  faults?: HubFaults;
}

/** A hub's disk in memory: group commit, Kafka's idempotence rules, loss of what was not committed. */
export class HubStore implements HubPort {
  readonly hubId = 'hub-sim';
  /** Every position that was ever committed, whatever became of the disk since: `producer id:next:crc`. */
  readonly everCommitted = new Set<string>();
  /** Records that this hub takes in no batch, ever. */
  readonly poison = new Set<number>();
  readonly #options: HubStoreOptions;
  #disk: Disk = empty();
  #live: Disk = empty();
  #commit: Promise<void> | undefined;
  #life = 0;
  /** Grows when the partitions get another leader. */
  #term = 0;
  #hasLeader = true;

  constructor(options: HubStoreOptions) {
    this.#options = options;
  }

  async openRun(gateway: string, run: RunInfo): ReturnType<HubPort['openRun']> {
    if (this.#options.illegalTopics?.includes(run.topic)) {
      return { ok: false, code: 'illegal-topic', message: `topic ${run.topic} is illegal` };
    }
    const known = this.#live.runs.get(run.producerId);
    if (known === undefined) {
      this.#live.runs.set(run.producerId, { info: run, gateway, partition: 0, position: undefined });
    }
    if (!this.#hasLeader) return NO_LEADER;
    if (this.#options.faults?.uncommittedPosition) {
      return { ok: true, partition: 0, position: this.#live.runs.get(run.producerId)!.position };
    }
    const term = this.#term;
    await this.#commitSoon();
    if (term !== this.#term) return LEADER_MOVED;
    const { partition, position } = this.#disk.runs.get(run.producerId)!;
    if (!this.#options.faults?.stalePosition) return { ok: true, partition, position };
    const before = this.#disk.batches.filter((batch) => batch.producerId === run.producerId).at(-2);
    return {
      ok: true,
      partition,
      position: before === undefined ? position : { next: before.next, crc: before.crc },
    };
  }

  append(producerId: number, bytes: Buffer): HubAppend {
    const run = this.#live.runs.get(producerId);
    assert(run !== undefined, `append to run ${producerId} that was never opened`);
    if (!this.#hasLeader) return NO_LEADER;
    const header = readBatchHeader(bytes);
    try {
      verifyBatchCrc(bytes, 0, header);
    } catch (error) {
      return refuse('corrupt-batch', String(error));
    }
    if (this.poison.size > 0 && recordsIn(bytes).some((record) => this.poison.has(record)))
      return refuse('batch-too-large', `the batch at ${header.baseOffset} is poison`);
    const next = header.lastOffset + 1;
    const expected = run.position?.next ?? run.info.firstOffset;
    if (header.baseOffset < expected && this.#options.faults?.noDedupe !== true) {
      if (next > expected)
        return refuse('out-of-order', `batch ${header.baseOffset}…${next} across ${expected}`);
      return { ok: true, committed: this.#committed({ next, crc: header.crc }) };
    }
    if (header.baseOffset > expected) {
      return refuse('out-of-order', `batch at ${header.baseOffset} where ${expected} is next`);
    }
    const position = { next, crc: header.crc };
    if (next > expected) run.position = position;
    const records = recordsIn(bytes);
    this.#live.batches.push({ producerId, base: header.baseOffset, next, crc: header.crc, records });
    const isEarly = this.#options.faults?.ackBeforeCommit;
    return { ok: true, committed: isEarly ? Promise.resolve(position) : this.#committed(position) };
  }

  async recordGap(_gateway: string, gap: Gap): Promise<void> {
    const { logId, from, to } = gap;
    const known = this.#live.gaps.some((g) => g.logId === logId && g.from === from && g.to === to);
    if (!known) this.#live.gaps.push(gap);
    await this.#commitSoon();
  }

  /**
   * Another broker leads after `leaderlessMs`. It has all that was committed, and the first `kept` batches of what was not.
   * Runs and gaps are the cluster's: nothing of those is lost.
   */
  moveLeader(kept: number, leaderlessMs: number): void {
    this.#hasLeader = false;
    const term = ++this.#term;
    this.#live.batches.length = Math.min(this.#live.batches.length, this.#disk.batches.length + kept);
    for (const [producerId, run] of this.#live.runs) {
      const last = this.#live.batches.findLast((batch) => batch.producerId === producerId);
      run.position = last && { next: last.next, crc: last.crc };
    }
    this.#options.clock.after(leaderlessMs, () => {
      if (term === this.#term) this.#hasLeader = true;
    });
  }

  /** kill -9 and a new process: what was not committed is gone. */
  crash(): void {
    this.#life++;
    this.#commit = undefined;
    this.#live = copy(this.#disk);
  }

  backup(): Disk {
    return copy(this.#disk);
  }

  /** An older copy comes back, or an empty disk; implies a restart. */
  restore(disk: Disk = empty()): void {
    this.#disk = copy(disk);
    this.crash();
  }

  /** What is committed, in append order. */
  get batches(): readonly StoredBatch[] {
    return this.#disk.batches;
  }

  get gaps(): readonly Gap[] {
    return this.#disk.gaps;
  }

  run(producerId: number): StoredRun | undefined {
    return this.#disk.runs.get(producerId);
  }

  async #committed(position: Position): Promise<Position | Refusal> {
    const term = this.#term;
    await this.#commitSoon();
    return term === this.#term ? position : LEADER_MOVED;
  }

  #commitSoon(): Promise<void> {
    this.#commit ??= new Promise((resolve) => {
      const life = this.#life;
      this.#options.clock.after(this.#options.prng.between(0, this.#options.commitMsMax), () => {
        if (life !== this.#life) return;
        this.#commit = undefined;
        const from = this.#disk.batches.length;
        this.#disk = copy(this.#live);
        for (const { producerId, next, crc } of this.#disk.batches.slice(from)) {
          this.everCommitted.add(`${producerId}:${next}:${crc}`);
        }
        resolve();
      });
    });
    return this.#commit;
  }
}

const NO_LEADER = refuse('not-available', 'no leader');
const LEADER_MOVED = refuse('not-available', 'the leader moved');

const empty = (): Disk => ({ batches: [], runs: new Map(), gaps: [] });

const copy = ({ batches, runs, gaps }: Disk): Disk => ({
  batches: [...batches],
  runs: new Map([...runs].map(([producerId, run]) => [producerId, { ...run }])),
  gaps: [...gaps],
});

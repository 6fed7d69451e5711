import { assert } from '@edgelog/base';
import type { AppendResult, PartitionLog } from '@edgelog/log';
import type { BatchHeader } from '@edgelog/wire';
import type { Leadership, Replication } from './replication.ts';

/** What went in and out since the process began. */
export interface Traffic {
  recordsIn: number;
  bytesIn: number;
  bytesOut: number;
}

/** One partition as this broker serves it: its log here, if it has one, its place in the cluster, and those who wait for it to change. */
export class Partition {
  readonly topic: string;
  readonly index: number;
  /**
   * Called when the high watermark, the log's end on disk, the log start or the leadership has moved, and once when the partition
   * is gone.
   */
  readonly whenChanged = new Set<() => void>();
  /** Called when the log has grown, before that is on disk. */
  readonly whenAppended = new Set<() => void>();
  /** How often `whenChanged` was told: who notes it sees later whether anything has changed since. */
  changes = 0;
  readonly traffic: Traffic = { recordsIn: 0, bytesIn: 0, bytesOut: 0 };
  #log: PartitionLog | undefined;
  #replication: Replication;
  #closed = false;

  /** `log`: undefined where this broker is no replica. */
  constructor(topic: string, index: number, log: PartitionLog | undefined, replication: Replication) {
    this.topic = topic;
    this.index = index;
    this.#log = log;
    this.#replication = replication;
  }

  /** To be asked for only where this broker has a replica: who leads has one. */
  get log(): PartitionLog {
    assert(this.#log !== undefined, `this broker has a replica of ${this.topic}-${this.index}`);
    return this.#log;
  }

  /** The log of this broker's replica, if it has one. */
  get replica(): PartitionLog | undefined {
    return this.#log;
  }

  get replication(): Replication {
    return this.#replication;
  }

  get leadership(): Leadership {
    return this.#replication.leadership;
  }

  get highWatermark(): number {
    return this.#replication.highWatermark;
  }

  /** True once its topic is deleted. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** This broker is something else to the partition from now on. */
  become(replication: Replication, log: PartitionLog | undefined): void {
    this.#replication = replication;
    this.#log = log;
    this.changed();
  }

  /** Appends one whole batch as the partition's leader, which the caller has made sure of. The buffer belongs to the log until flushed. */
  append(batch: Buffer, header: BatchHeader): AppendResult {
    const { leaderEpoch } = this.leadership;
    const result = this.log.append(batch, header, { leaderEpoch, offsets: 'assign' });
    if (result.ok && !result.duplicate) {
      this.traffic.recordsIn += header.recordCount;
      this.traffic.bytesIn += header.sizeBytes;
      result.flushed.then(this.#flushed, ignore);
      if (this.whenAppended.size > 0) for (const notify of [...this.whenAppended]) notify();
    }
    return result;
  }

  /** Makes everything below `offset` unreadable: durable with the store's next commit. */
  advanceLogStart(offset: number): void {
    this.log.advanceLogStart(offset);
    this.changed();
  }

  close(): void {
    this.#closed = true;
    this.changed();
  }

  readonly changed = (): void => {
    this.changes += 1;
    for (const notify of [...this.whenChanged]) notify();
  };

  readonly #flushed = (): void => {
    this.#replication.onFlushed();
    this.changed();
  };
}

/** The append's own caller reports a failed flush. */
function ignore(): void {}

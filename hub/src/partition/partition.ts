import type { AppendResult, PartitionLog } from '@edgelog/log';
import type { BatchHeader } from '@edgelog/wire';

/** A standalone broker leads every partition, always in this epoch. */
export const LEADER_EPOCH = 0;

/** What went in and out since the process began. */
export interface Traffic {
  recordsIn: number;
  bytesIn: number;
  bytesOut: number;
}

/** One partition as its leader serves it: the log, and those who wait for it to grow. */
export class Partition {
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  /** Called when the high watermark or the log start has moved, and once when the partition is gone. */
  readonly whenChanged = new Set<() => void>();
  readonly traffic: Traffic = { recordsIn: 0, bytesIn: 0, bytesOut: 0 };
  #closed = false;

  constructor(topic: string, index: number, log: PartitionLog) {
    this.topic = topic;
    this.index = index;
    this.log = log;
  }

  /** True once its topic is deleted. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Appends one whole batch as the partition's leader. The buffer belongs to the log until flushed. */
  append(batch: Buffer, header: BatchHeader): AppendResult {
    const result = this.log.append(batch, header, { leaderEpoch: LEADER_EPOCH, offsets: 'assign' });
    if (result.ok && !result.duplicate) {
      this.traffic.recordsIn += header.recordCount;
      this.traffic.bytesIn += header.sizeBytes;
      result.flushed.then(this.#changed, ignore);
    }
    return result;
  }

  /** Makes everything below `offset` unreadable: durable with the store's next commit. */
  advanceLogStart(offset: number): void {
    this.log.advanceLogStart(offset);
    this.#changed();
  }

  close(): void {
    this.#closed = true;
    this.#changed();
  }

  readonly #changed = (): void => {
    for (const notify of [...this.whenChanged]) notify();
  };
}

/** The append's own caller reports a failed flush. */
function ignore(): void {}

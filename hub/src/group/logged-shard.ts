import type { PartitionLog } from '@edgelog/log';
import { CHECKPOINT_RECORDS_MIN, checkpointAt, snapshot } from './checkpoint.ts';
import { appendRecords, readRecords } from './offsets-log.ts';
import type { GroupRecord } from './records/index.ts';
import { replay } from './replay.ts';
import { createShard } from './state.ts';

const SNAPSHOT_BATCH_RECORDS = 1_000;

/** One shard and the partition of `__consumer_offsets` that holds its records. */
export class LoggedShard {
  readonly state = createShard();
  readonly #log: PartitionLog;
  readonly #leaderEpoch: number;
  /** Records in the log, read or appended. */
  #records = 0;
  #checkpointAt = CHECKPOINT_RECORDS_MIN;
  #checkpointing = false;

  constructor(log: PartitionLog, leaderEpoch: number) {
    this.#log = log;
    this.#leaderEpoch = leaderEpoch;
  }

  /** Replays the log. Returns how many records there were. */
  load(onUnreadable: (offset: number, error: Error) => void): number {
    for (const record of readRecords(this.#log, onUnreadable)) {
      replay(this.state, record);
      this.#records++;
    }
    return this.#records;
  }

  /** Resolves when the records are on disk. */
  append(records: readonly GroupRecord[], wallMs: number): Promise<void> {
    this.#records += records.length;
    const { flushed } = appendRecords(this.#log, records, wallMs, this.#leaderEpoch);
    if (this.#records >= this.#checkpointAt && !this.#checkpointing) void this.#checkpoint(wallMs);
    return flushed;
  }

  /**
   * Keeps the log, and with it the time that loading takes, in proportion to what lives: writes all of it anew and lets
   * go of everything before. A crash in between leaves both, and replay comes to the same state.
   */
  async #checkpoint(wallMs: number): Promise<void> {
    const live = [...snapshot(this.state)];
    if (this.#records < checkpointAt(live.length)) {
      this.#checkpointAt = checkpointAt(live.length);
      return;
    }
    this.#checkpointing = true;
    const start = this.#log.logEndOffset;
    const flushes: Promise<void>[] = [];
    for (let i = 0; i < live.length; i += SNAPSHOT_BATCH_RECORDS) {
      const part = live.slice(i, i + SNAPSHOT_BATCH_RECORDS);
      flushes.push(appendRecords(this.#log, part, wallMs, this.#leaderEpoch).flushed);
    }
    const before = this.#records;
    try {
      await Promise.all(flushes);
      this.#log.advanceLogStart(start);
      this.#records += live.length - before;
      this.#checkpointAt = checkpointAt(live.length);
    } catch {
      // The store has failed or was closed; who waits for an append hears of it, and what was written does no harm.
    } finally {
      this.#checkpointing = false;
    }
  }
}

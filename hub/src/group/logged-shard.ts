import type { ErrorName } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';
import { CHECKPOINT_RECORDS_MIN, checkpointAt, snapshot } from './checkpoint.ts';
import { type AppendedRecords, appendRecords, readRecords } from './offsets-log.ts';
import type { GroupRecord } from './records/index.ts';
import { replay } from './replay.ts';
import { createShard } from './state.ts';

const SNAPSHOT_BATCH_RECORDS = 1_000;

export interface LoggedAppend {
  readonly flushed: Promise<void>;
  /** As in Replication. */
  readonly committed: Promise<ErrorName>;
}

/** One shard and the partition of `__consumer_offsets` that holds its records, as long as this broker leads it. */
export class LoggedShard {
  readonly state = createShard();
  readonly #partition: Partition;
  /** Records in the log, read or appended. */
  #records = 0;
  #checkpointAt = CHECKPOINT_RECORDS_MIN;
  #checkpointing = false;
  #released = false;

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  /** Replays what is below `endOffset`, a portion per turn, until it is released. Returns how many records there were. */
  async load(endOffset: number, onUnreadable: (offset: number, error: Error) => void): Promise<number> {
    if (this.#released) return 0;
    for (const records of readRecords(this.#partition.log, endOffset, onUnreadable)) {
      for (const record of records) replay(this.state, record);
      this.#records += records.length;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#released) break;
    }
    return this.#records;
  }

  append(records: readonly GroupRecord[], wallMs: number): LoggedAppend {
    this.#records += records.length;
    const appended = appendRecords(this.#partition, records, wallMs);
    const committed = this.#committed(appended);
    if (this.#records >= this.#checkpointAt && !this.#checkpointing) void this.#checkpoint(wallMs);
    return { flushed: appended.flushed, committed };
  }

  /** The log is somebody else's from now on. */
  release(): void {
    this.#released = true;
    this.state.groups.clear();
  }

  #committed({ endOffset, flushed }: AppendedRecords): Promise<ErrorName> {
    return this.#partition.replication.committed(endOffset, flushed);
  }

  /**
   * Keeps the log, and with it the time that loading takes, in proportion to what lives: writes all of it anew and, when that is
   * committed, lets go of everything before. A crash or another leader in between leaves both, and replay comes to the same state.
   */
  async #checkpoint(wallMs: number): Promise<void> {
    const live = [...snapshot(this.state)];
    if (this.#records < checkpointAt(live.length)) {
      this.#checkpointAt = checkpointAt(live.length);
      return;
    }
    this.#checkpointing = true;
    const start = this.#partition.log.logEndOffset;
    const commits: Promise<ErrorName>[] = [];
    for (let i = 0; i < live.length; i += SNAPSHOT_BATCH_RECORDS) {
      const part = live.slice(i, i + SNAPSHOT_BATCH_RECORDS);
      commits.push(this.#committed(appendRecords(this.#partition, part, wallMs)));
    }
    const before = this.#records;
    try {
      const outcomes = await Promise.all(commits);
      if (this.#released || outcomes.some((outcome) => outcome !== 'NONE')) return;
      this.#partition.advanceLogStart(start);
      this.#records += live.length - before;
      this.#checkpointAt = checkpointAt(live.length);
    } catch {
      // The store has failed or was closed; who waits for an append hears of it, and what was written does no harm.
    } finally {
      this.#checkpointing = false;
    }
  }
}

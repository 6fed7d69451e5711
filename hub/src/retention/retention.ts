import { setImmediate as nextTurn } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import type { CompactionPolicy, LogStore, PartitionCompaction } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import { compactionPolicy, retentionPolicy } from './policy.ts';

/** After so long what is dead is freed before more is compacted. */
const COMPACT_MS = 20_000;

export interface RetentionDeps {
  topics: Topics;
  store: Pick<LogStore, 'flushed' | 'clean' | 'compact'>;
  log: Logger;
  intervalMs: number;
  /** A segment is cleaned when this share of it is dead. */
  deadShare: number;
}

/** What went of one partition. Offsets are [from, to). */
interface Deletion {
  partition: number;
  from: number;
  to: number;
  bytes: number;
  by: 'time' | 'size';
}

/**
 * Applies retention.ms and retention.bytes to all partitions that are led here again and again, has those compacted that are due, and then the disk
 * freed of what is dead. What is to go is decided by the log (packages/log, `retention.ts`, `compactor.ts`); this is the timer
 * around it and the lines that tell an operator.
 */
export class Retention {
  readonly #deps: RetentionDeps;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();
  #stopped = false;
  #cleaning = false;
  /** Said once what is wrong with them. */
  readonly #reported = new WeakSet<Partition>();

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  /** Resolves when no pass is under way any more. A cleaning ends when the store closes. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#pass;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#pass = this.#run()
        .catch((error) => this.#failed(error))
        .finally(() => this.#schedule());
    }, this.#deps.intervalMs);
  }

  async #run(): Promise<void> {
    for (const topic of [...this.#deps.topics.all()]) {
      const deletions = await this.#apply(topic);
      if (deletions.length === 0) continue;
      await this.#deps.store.flushed();
      this.#deps.log.info('records past their retention deleted', { topic: topic.name, deletions });
    }
    if (!this.#cleaning && !this.#stopped) void this.#clean().catch((error) => this.#failed(error));
  }

  /** May take long where much is to be copied, and holds up no pass. */
  async #clean(): Promise<void> {
    const { store, log, deadShare } = this.#deps;
    this.#cleaning = true;
    try {
      await this.#compact().catch((error) => this.#failed(error));
      for (const cleaned of await store.clean({ deadShare })) {
        if ('error' in cleaned) log.warn('segment cannot be cleaned', cleaned);
        else log.info('segment cleaned', cleaned);
      }
    } finally {
      this.#cleaning = false;
    }
  }

  async #compact(): Promise<void> {
    const policies = new Map<string, CompactionPolicy>();
    for (const topic of this.#deps.topics.all()) {
      const policy = compactionPolicy(topic, this.#deps.topics.definitions);
      if (policy === undefined) continue;
      for (const { replica, highWatermark } of topic.partitions) {
        if (replica !== undefined) policies.set(replica.name, { ...policy, endOffset: highWatermark });
      }
    }
    if (policies.size === 0) return;
    for (const compaction of await this.#deps.store.compact({ policies, beginWithinMs: COMPACT_MS }))
      this.#tell(compaction);
  }

  #tell(compaction: PartitionCompaction): void {
    const { log } = this.#deps;
    if ('error' in compaction) {
      log.warn('partition cannot be compacted', compaction);
      return;
    }
    const { unreadable, ...pass } = compaction;
    log.info('partition compacted', pass);
    if (unreadable.length > 0) {
      log.warn('batches kept by compaction as they cannot be read', {
        partition: pass.partition,
        unreadable,
      });
    }
  }

  /** One partition a turn: its oldest records may lie in a segment that is to be opened first. */
  async #apply(topic: Topic): Promise<Deletion[]> {
    const deletions: Deletion[] = [];
    const policy = retentionPolicy(topic, this.#deps.topics.definitions);
    if (policy === undefined) return deletions;
    for (const partition of [...topic.partitions]) {
      await nextTurn();
      if (this.#stopped) break;
      // Followers begin where their leader does.
      if (partition.isClosed || partition.replication.leaderRefusal !== 'NONE') continue;
      try {
        const { log, index, highWatermark } = partition;
        const expiry = log.expiry(policy, highWatermark);
        if (expiry === undefined) continue;
        const { logStartOffset: to, by } = expiry;
        const { logStartOffset: from, liveBytes } = log;
        partition.advanceLogStart(to);
        deletions.push({ partition: index, from, to, bytes: liveBytes - log.liveBytes, by });
      } catch (error) {
        this.#report(partition, error);
      }
    }
    return deletions;
  }

  /** What stands against one partition holds up no other. */
  #report(partition: Partition, error: unknown): void {
    if (this.#reported.has(partition)) return;
    this.#reported.add(partition);
    const { topic, index } = partition;
    this.#deps.log.warn('retention not applied', { topic, partition: index, error });
  }

  /** That the store has failed it says itself. */
  #failed(error: unknown): void {
    const isStoreGone = error instanceof EdgelogError && /^STORE_/.test(error.code);
    if (!isStoreGone) this.#deps.log.error('retention failed', { error });
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogStore } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import { retentionPolicy } from './policy.ts';

export interface RetentionDeps {
  topics: Topics;
  store: Pick<LogStore, 'flushed' | 'clean'>;
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
 * Applies retention.ms and retention.bytes to all partitions again and again, and then has the disk freed of what is dead. What
 * is to go is decided by the log (packages/log, `retention.ts`); this is the timer around it and the lines that tell an operator.
 */
export class Retention {
  readonly #deps: RetentionDeps;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
    this.#schedule();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#pass;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#pass = this.#run()
        .catch(() => {}) // the store has failed, and says so itself
        .finally(() => this.#schedule());
    }, this.#deps.intervalMs);
  }

  /** One topic a turn. */
  async #run(): Promise<void> {
    for (const topic of [...this.#deps.topics.all()]) {
      await nextTurn();
      if (this.#stopped) return;
      const deletions = this.#apply(topic);
      if (deletions.length === 0) continue;
      await this.#deps.store.flushed();
      this.#deps.log.info('records past their retention deleted', { topic: topic.name, deletions });
    }
    await this.#clean();
  }

  async #clean(): Promise<void> {
    const { store, log, deadShare } = this.#deps;
    for (const cleaned of await store.clean({ deadShare })) {
      if ('error' in cleaned) log.warn('segment cannot be cleaned', cleaned);
      else log.info('segment cleaned', cleaned);
    }
  }

  #apply(topic: Topic): Deletion[] {
    const policy = retentionPolicy(topic, this.#deps.topics.definitions);
    if (policy === undefined) return [];
    const deletions: Deletion[] = [];
    for (const partition of topic.partitions) {
      if (partition.isClosed) continue;
      try {
        const { log, index } = partition;
        const expiry = log.expiry(policy);
        if (expiry === undefined) continue;
        const { logStartOffset: to, by } = expiry;
        const from = log.logStartOffset;
        const bytes = log.sizeBytesFrom(from) - log.sizeBytesFrom(to);
        log.advanceLogStart(to);
        deletions.push({ partition: index, from, to, bytes, by });
      } catch (error) {
        this.#report(partition, error);
      }
    }
    return deletions;
  }

  /** A damaged segment keeps its own partition from being cut, and no other. */
  #report({ topic, index }: Partition, error: unknown): void {
    this.#deps.log.warn('retention not applied', { topic, partition: index, error });
  }
}

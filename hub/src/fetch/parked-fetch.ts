import { ErrorCode } from '@edgelog/wire';
import type { Client } from '../net/dispatcher.ts';
import type { Partition } from '../partition/partition.ts';
import { fetchError } from './find-partition.ts';
import type { News, Reader } from './reader.ts';
import type { FetchContext } from './session-cache.ts';

/** What a fetch waits for: `found[i]` is the partition of `session.asked[i]`, or its error code. */
export interface Wanted {
  readonly session: Pick<FetchContext, 'asked' | 'size' | 'whenStirred'>;
  /** Grows with `session.asked`. */
  readonly found: readonly (Partition | number)[];
  readonly minBytes: number;
  readonly reader: Reader;
}

/** How long a follower is kept from what it can do without for a while: records are likely to come along. */
const LATER_MS = 5;

/** What a fetch has to tell: looked at once as a whole, and then partition by partition as they change. */
export class FetchNews {
  readonly #wanted: Wanted;
  /** That each partition counts for. */
  readonly #bytes: number[] = [];
  #totalBytes = 0;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /**
   * `now` when the fetch has `minBytes` to return, or an error to tell, or asks for nothing. A partition counts no further than
   * its own limit, as in Kafka.
   */
  ofAll(): News {
    const { session, minBytes } = this.#wanted;
    if (session.size === 0 || minBytes <= 0) return 'now';
    let all: News = 'none';
    for (let i = 0; i < session.asked.length; i++) {
      const news = this.of(i);
      if (news === 'now') return 'now';
      if (news === 'later') all = 'later';
    }
    return all;
  }

  /** The same after only the `i`th has changed. */
  of(i: number): News {
    const { session, found, minBytes, reader } = this.#wanted;
    const one = session.asked[i]!;
    const partition = found[i]!;
    if (reader.news !== undefined && typeof partition !== 'number') return reader.news(one, partition, i);
    if (fetchError(one, partition, reader, i) !== ErrorCode.NONE || typeof partition === 'number')
      return 'now';
    if (reader.preferred?.(partition) !== undefined) return 'now';
    const hasRecords = one.fetchOffset < reader.endOffset(partition);
    if (hasRecords && (minBytes === 1 || partition.log.damageAt(one.fetchOffset) !== undefined)) return 'now';
    const bytes = hasRecords ? Math.min(partition.log.sizeBytesFrom(one.fetchOffset), one.maxBytes) : 0;
    this.#totalBytes += bytes - (this.#bytes[i] ?? 0);
    this.#bytes[i] = bytes;
    return this.#totalBytes >= minBytes ? 'now' : 'none';
  }
}

/**
 * Resolves with true when there is something to answer or `maxWaitMs` are over, with false when the client is gone. `news` has
 * looked at all.
 */
export function parkFetch(
  { session, found, reader }: Wanted,
  news: FetchNews,
  maxWaitMs: number,
  client: Pick<Client, 'whenClosed'>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const watched: { partition: Partition; check: () => void }[] = [];
    const finish = (isStillThere: boolean): void => {
      clearTimeout(timer);
      clearTimeout(soon);
      client.whenClosed.delete(leave);
      session.whenStirred.delete(stirred);
      for (const { partition, check } of watched) {
        partition.whenChanged.delete(check);
        partition.whenAppended.delete(check);
      }
      resolve(isStillThere);
    };
    const act = (found: News): void => {
      if (found === 'now') finish(true);
      else if (found === 'later') soon ??= setTimeout(finish, LATER_MS, true);
    };
    const watch = (i: number): void => {
      const partition = found[i]!;
      if (typeof partition === 'number') return;
      const check = (): void => act(news.of(i));
      watched.push({ partition, check });
      partition.whenChanged.add(check);
      if (reader.readsUnflushed) partition.whenAppended.add(check);
    };
    const stirred = (i: number): void => {
      watch(i);
      act(news.of(i));
    };
    const leave = (): void => finish(false);
    const timer = setTimeout(finish, maxWaitMs, true);
    let soon: NodeJS.Timeout | undefined;
    client.whenClosed.add(leave);
    session.whenStirred.add(stirred);
    for (let i = 0; i < found.length; i++) watch(i);
    if (reader.news !== undefined) act(news.ofAll()); // what can wait has begun to
  });
}

import { ErrorCode } from '@edgelog/wire';
import type { Client } from '../net/dispatcher.ts';
import type { Partition } from '../partition/partition.ts';
import { fetchError } from './find-partition.ts';
import type { News, Reader } from './reader.ts';
import type { AskedPartition } from './session.ts';

/** What a fetch waits for: `found[i]` is the partition of `asked[i]`, or its error code. */
export interface Wanted {
  readonly asked: readonly AskedPartition[];
  readonly found: readonly (Partition | number)[];
  readonly minBytes: number;
  readonly reader: Reader;
}

/** How long a follower is kept from what it can do without for a while: records are likely to come along. */
const LATER_MS = 5;

/**
 * `now` when the fetch has `minBytes` to return, or an error to tell, or asks for nothing. A partition counts no further than
 * its own limit, as in Kafka.
 */
export function newsFor({ asked, found, minBytes, reader }: Wanted): News {
  if (asked.length === 0 || minBytes <= 0) return 'now';
  let news: News = 'none';
  let bytes = 0;
  for (let i = 0; i < asked.length; i++) {
    const one = asked[i]!;
    const partition = found[i]!;
    if (reader.news !== undefined && typeof partition !== 'number') {
      const found = reader.news(one, partition, i);
      if (found === 'now') return 'now';
      if (found === 'later') news = 'later';
      continue;
    }
    if (fetchError(one, partition, reader, i) !== ErrorCode.NONE || typeof partition === 'number')
      return 'now';
    if (reader.preferred?.(partition) !== undefined) return 'now';
    if (one.fetchOffset >= reader.endOffset(partition)) continue;
    if (minBytes === 1 || partition.log.damageAt(one.fetchOffset) !== undefined) return 'now';
    bytes += Math.min(partition.log.sizeBytesFrom(one.fetchOffset), one.maxBytes);
    if (bytes >= minBytes) return 'now';
  }
  return news;
}

/** Resolves with true when there is something to answer or `maxWaitMs` are over, with false when the client is gone. */
export function parkFetch(
  wanted: Wanted,
  maxWaitMs: number,
  client: Pick<Client, 'whenClosed'>,
): Promise<boolean> {
  const partitions = wanted.found.filter((found) => typeof found !== 'number');
  return new Promise((resolve) => {
    const finish = (isStillThere: boolean): void => {
      clearTimeout(timer);
      clearTimeout(soon);
      client.whenClosed.delete(leave);
      for (const { whenChanged, whenAppended } of partitions) {
        whenChanged.delete(check);
        whenAppended.delete(check);
      }
      resolve(isStillThere);
    };
    const check = (): void => {
      const news = newsFor(wanted);
      if (news === 'now') finish(true);
      else if (news === 'later') soon ??= setTimeout(finish, LATER_MS, true);
    };
    const leave = (): void => finish(false);
    const timer = setTimeout(finish, maxWaitMs, true);
    let soon: NodeJS.Timeout | undefined;
    client.whenClosed.add(leave);
    for (const { whenChanged, whenAppended } of partitions) {
      whenChanged.add(check);
      if (wanted.reader.readsUnflushed) whenAppended.add(check);
    }
    if (wanted.reader.news !== undefined) check(); // what can wait has begun to
  });
}

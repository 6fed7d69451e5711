import { ErrorCode } from '@edgelog/wire';
import type { Client } from '../net/dispatcher.ts';
import type { Partition } from '../partition/partition.ts';
import { fetchError } from './find-partition.ts';
import type { Reader } from './reader.ts';
import type { AskedPartition } from './session.ts';

/** What a fetch waits for: `found[i]` is the partition of `asked[i]`, or its error code. */
export interface Wanted {
  readonly asked: readonly AskedPartition[];
  readonly found: readonly (Partition | number)[];
  readonly minBytes: number;
  readonly reader: Reader;
}

/**
 * True when the fetch has `minBytes` to return, or an error to tell, or asks for nothing. A partition counts no further than
 * its own limit, as in Kafka.
 */
export function isFetchReady({ asked, found, minBytes, reader }: Wanted): boolean {
  if (asked.length === 0 || minBytes <= 0) return true;
  let bytes = 0;
  for (let i = 0; i < asked.length; i++) {
    const one = asked[i]!;
    const partition = found[i]!;
    if (reader.knowsAll !== undefined && typeof partition !== 'number') {
      if (reader.knowsAll(one, partition, i)) continue;
      return true;
    }
    if (fetchError(one, partition, reader, i) !== ErrorCode.NONE || typeof partition === 'number')
      return true;
    if (reader.preferred?.(partition) !== undefined) return true;
    if (one.fetchOffset >= reader.endOffset(partition)) continue;
    if (minBytes === 1 || partition.log.damageAt(one.fetchOffset) !== undefined) return true;
    bytes += Math.min(partition.log.sizeBytesFrom(one.fetchOffset), one.maxBytes);
    if (bytes >= minBytes) return true;
  }
  return false;
}

/** Resolves with true when the fetch is ready or `maxWaitMs` are over, with false when the client is gone. */
export function parkFetch(
  wanted: Wanted,
  maxWaitMs: number,
  client: Pick<Client, 'whenClosed'>,
): Promise<boolean> {
  const partitions = wanted.found.filter((found) => typeof found !== 'number');
  return new Promise((resolve) => {
    const finish = (isStillThere: boolean): void => {
      clearTimeout(timer);
      client.whenClosed.delete(leave);
      for (const { whenChanged, whenAppended } of partitions) {
        whenChanged.delete(check);
        whenAppended.delete(check);
      }
      resolve(isStillThere);
    };
    const check = (): void => {
      if (isFetchReady(wanted)) finish(true);
    };
    const leave = (): void => finish(false);
    const timer = setTimeout(finish, maxWaitMs, true);
    client.whenClosed.add(leave);
    for (const { whenChanged, whenAppended } of partitions) {
      whenChanged.add(check);
      if (wanted.reader.readsUnflushed) whenAppended.add(check);
    }
  });
}

import type { Client } from '../net/dispatcher.ts';
import type { Partition } from './partition.ts';

/** One partition of a fetch; undefined where there is no such partition. */
export interface Wanted {
  readonly partition: Partition | undefined;
  readonly offset: number;
}

/** True when the fetch has `minBytes` to return, or an error to tell, or asks for nothing. */
export function isFetchReady(wanted: readonly Wanted[], minBytes: number): boolean {
  if (wanted.length === 0 || minBytes <= 0) return true;
  let bytes = 0;
  for (const { partition, offset } of wanted) {
    if (partition === undefined || partition.isClosed) return true;
    const { logStartOffset, logEndOffset, highWatermark } = partition.log;
    if (offset < logStartOffset || offset > logEndOffset) return true;
    if (offset >= highWatermark) continue;
    if (minBytes === 1) return true;
    bytes += partition.log.sizeBytesFrom(offset);
    if (bytes >= minBytes) return true;
  }
  return false;
}

/** Resolves with true when the fetch is ready or `maxWaitMs` are over, with false when the client is gone. */
export function parkFetch(
  wanted: readonly Wanted[],
  minBytes: number,
  maxWaitMs: number,
  client: Pick<Client, 'whenClosed'>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (isStillThere: boolean): void => {
      clearTimeout(timer);
      client.whenClosed.delete(leave);
      for (const { partition } of wanted) partition?.whenChanged.delete(check);
      resolve(isStillThere);
    };
    const check = (): void => {
      if (isFetchReady(wanted, minBytes)) finish(true);
    };
    const leave = (): void => finish(false);
    const timer = setTimeout(finish, maxWaitMs, true);
    client.whenClosed.add(leave);
    for (const { partition } of wanted) partition?.whenChanged.add(check);
  });
}

import { statfsSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { Reserve } from '@edgelog/edge';
import { type LogStore, type LogStoreOptions, openLogStore } from '@edgelog/log';

const MIB = 2 ** 20;
const RESERVE_BYTES_MAX = 16 * MIB;
const BUDGET_SHARE = 32;
/** After a crash the log writes what its journal has into its segment, in whole pages, before anything can be sent and freed. */
const JOURNALS = 2;

/**
 * Opens the log and what is reserved for it. Where others have left the disk less than the reserve it is given up before: a log that
 * finds no room while it opens cannot be opened again by the same process. Where it was not enough to look, the next start has the room.
 * Throws as `openLogStore` does, STORE_FAILED where there is no room.
 */
export async function openLog(
  options: LogStoreOptions & { maxDiskBytes: number },
): Promise<{ store: LogStore; reserve: Reserve }> {
  const { maxDiskBytes, ...rest } = options;
  const { dir, journalBytes = 0 } = options;
  const reserveBytes = Math.max(Math.floor(maxDiskBytes / BUDGET_SHARE), JOURNALS * journalBytes);
  const reserve = new Reserve(dir, Math.min(RESERVE_BYTES_MAX, reserveBytes));
  if (reserve.isHeld && freeBytesOf(dir) < reserve.sizeBytes) reserve.give();
  try {
    return { store: await openLogStore(rest), reserve };
  } catch (error) {
    if (!isFull(error)) throw error;
    const more = reserve.give() ? '; what was reserved for that is free now, so start again' : '';
    const { message } = error as Error;
    throw new EdgelogError('STORE_FAILED', `no room to open the log in ${dir}: ${message}${more}`);
  }
}

function freeBytesOf(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'ENOSPC') return true;
  if (error instanceof EdgelogError && error.code === 'STORE_FAILED') return true;
  return /ENOSPC|no space|no room/i.test(error.message) || isFull(error.cause);
}

import { EdgelogError } from '@edgelog/base';
import { Reserve } from '@edgelog/edge';
import { type LogStore, type LogStoreOptions, openLogStore } from '@edgelog/log';

const MIB = 2 ** 20;
/** What the log needs to write after a crash, before anything of it can be sent and freed: its journal, several times. */
const RESERVE_BYTES_MAX = 16 * MIB;
const BUDGET_SHARE = 32;

/**
 * Opens the log and what is reserved for it. On a disk that others have filled to the last byte the reserve is given up, so that what the
 * journal has can be brought into its segment. Throws as `openLogStore` does.
 */
export async function openLog(
  options: LogStoreOptions & { maxDiskBytes: number },
): Promise<{ store: LogStore; reserve: Reserve }> {
  const { maxDiskBytes, ...rest } = options;
  const reserve = new Reserve(
    options.dir,
    Math.min(RESERVE_BYTES_MAX, Math.floor(maxDiskBytes / BUDGET_SHARE)),
  );
  const store = await openLogStore(rest).catch((error: unknown) => {
    if (!isFull(error) || !reserve.give()) throw error;
    return openLogStore(rest);
  });
  return { store, reserve };
}

function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'ENOSPC') return true;
  if (error instanceof EdgelogError && error.code === 'STORE_FAILED') return true;
  return /ENOSPC|no space|no room/i.test(error.message) || isFull(error.cause);
}

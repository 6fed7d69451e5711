import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { type LogStore, openLogStore } from '@edgelog/log';
import { z } from 'zod';

/** What the commands that look into a data directory take. */
export const inspectFields = {
  dataDir: z.string().min(1).describe('Data directory of a hub or an agent that is not running.'),
  json: z.boolean().default(false).describe('Print JSON.'),
};

export const INSPECT_NOTES =
  'The directory is opened as its hub or agent opens it: run this as the same user, while that process is stopped.';

/** Opens the log of a data directory, which must exist. Throws DATA_DIR_IN_USE while a hub or an agent has it. */
export async function withStore(
  dataDir: string,
  work: (store: LogStore) => Promise<number>,
): Promise<number> {
  if (!existsSync(join(dataDir, 'segments'))) {
    throw new EdgelogError('DATA_DIR_INVALID', `${dataDir} holds no Edgelog log`);
  }
  const store = await openLogStore({ dir: dataDir });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

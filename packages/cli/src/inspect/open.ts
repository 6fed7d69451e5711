import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { type LogStore, openLogStore, type PartitionLog } from '@edgelog/log';
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

/** What follows TOPIC-INDEX in the name of a log of a cluster's broker: a dot and the topic's id. */
const TOPIC_ID = /^\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * The log that an operator names as the user of its topic does: `TOPIC-INDEX`, at an agent `TOPIC`. The broker of a cluster may have several
 * of a name, of a topic and of those that were deleted before it: they are told by their whole names. Throws REFUSED unless there is one.
 */
export function findLog(store: LogStore, dataDir: string, name: string): PartitionLog {
  const exact = store.partition(name);
  if (exact !== undefined) return exact;
  const found = [...store.partitions()].filter(
    (log) => log.name.startsWith(name) && TOPIC_ID.test(log.name.slice(name.length)),
  );
  const [only] = found;
  if (only === undefined) throw new EdgelogError('REFUSED', `${dataDir} has no partition ${name}`);
  if (found.length === 1) return only;
  const names = found.map((log) => log.name).join(', ');
  throw new EdgelogError(
    'REFUSED',
    `${dataDir} has ${found.length} logs of ${name}, of topics with different ids: give one as --topic, without --partition: ${names}`,
  );
}

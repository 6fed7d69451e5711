/**
 * Writes to a disk that answers EIO at some call, and reads back what was stored before, for io-error.test.ts. Prints one JSON line. Argument: directory.
 */
import { EdgelogError } from '@edgelog/base';
import { openLogStore, StoredDamageError } from './index.ts';
import { makeBatch } from './test-batches.ts';

/** What became of the batches of this process. */
export interface Seen {
  /** Of batches that an earlier process stored: how many could be read, and offsets said to be damaged, by the read and by `onDamage`. */
  read: number;
  damaged: number;
  reported: number;
  acknowledged: number;
  /** Why one was not acknowledged, and what became of the one after it. */
  failure?: string;
  later?: string;
}

const BATCHES = 150;
const code = (error: unknown) => (error instanceof EdgelogError ? error.code : String(error));
const seen: Seen = { read: 0, damaged: 0, reported: 0, acknowledged: 0 };
try {
  const store = await openLogStore({
    dir: process.argv[2]!,
    segmentBytes: 2 ** 20,
    journalBytes: 2 ** 18,
    onDamage: ({ baseOffset, endOffset }) => {
      seen.reported += endOffset - baseOffset;
    },
  });
  const log = store.partition('t') ?? store.createPartition('t');
  for (let offset = 0; offset < log.flushedEndOffset; ) {
    try {
      const { length } = log.read(offset, { maxBytes: 1 }).batches;
      seen.read += length;
      offset += length;
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      seen.damaged += error.damage.endOffset - offset;
      offset = error.damage.endOffset;
    }
  }
  const append = (): Promise<void> => {
    const { batch, header } = makeBatch({ valueBytes: seen.acknowledged % 5 === 0 ? 40_000 : 1000 });
    const result = log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' });
    return result.ok ? result.flushed : Promise.reject(new Error(result.message));
  };
  while (seen.acknowledged < BATCHES && seen.failure === undefined) {
    await append().then(
      () => seen.acknowledged++,
      (error) => {
        seen.failure = code(error);
      },
    );
  }
  if (seen.failure !== undefined) seen.later = await append().then(() => 'acknowledged', code);
} catch (error) {
  seen.failure = `not opened: ${(error as Error).message}`;
}
console.log(JSON.stringify(seen));
process.exit(0);

/**
 * A writer on a disk that takes everything but the page on which LMDB says what is flushed, for lmdb-failure.test.ts. Prints one JSON
 * line: {acknowledged, failure}, the number of chunks and the code. Argument: directory.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { openLogStore } from './index.ts';

const O_DSYNC = 0o10000;

const store = await openLogStore({ dir: process.argv[2]! });
const log = store.createPartition('t');
let acknowledged = 0;
const stage = async (): Promise<void> => {
  await log.stage({ baseOffset: acknowledged, recordCount: 1, bytes: Buffer.from('x') });
  acknowledged++;
};
await stage();

/** LMDB writes that page through a descriptor of its own, the only one that waits for the disk. */
const flags = (fd: string) => /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!;
const metaPage = readdirSync('/proc/self/fd').find((fd) => {
  try {
    return (
      readlinkSync(`/proc/self/fd/${fd}`).endsWith('.mdb') && (Number.parseInt(flags(fd), 8) & O_DSYNC) !== 0
    );
  } catch {
    return false; // that of the directory itself
  }
});
closeSync(Number(metaPage));
while (openSync('/dev/full', 'w') !== Number(metaPage));

const failure = await stage().catch((error: unknown) => error instanceof EdgelogError && error.code);
console.log(JSON.stringify({ acknowledged, failure }));
process.exit(0);

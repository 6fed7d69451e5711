/**
 * A writer on a disk that fills up, for full-disk.test.ts. Appends until a group fails and prints what it saw as one
 * JSON line: {acknowledged, fatal, later}. Argument: directory.
 */
import { EdgelogError } from '@edgelog/base';
import { openLogStore } from './index.ts';
import { makeBatch } from './test-batches.ts';

const fatal: string[] = [];
const store = await openLogStore({
  dir: process.argv[2]!,
  segmentBytes: 2 ** 20,
  onFatal: (error) => fatal.push((error as EdgelogError).code),
});
const log = store.createPartition('t');
const code = (error: unknown) => (error instanceof EdgelogError ? error.code : String(error));

function append(): Promise<void> {
  const { batch, header } = makeBatch({ valueBytes: 50_000 });
  const result = log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' });
  return result.ok ? result.flushed : Promise.reject(new Error(result.message));
}

let failure: string | undefined;
while (failure === undefined) {
  const [first, second] = [append(), append()];
  await Promise.all([first, second]).catch((error) => {
    failure = code(error);
  });
}
const later = await Promise.all([
  append().catch(code),
  store.flushed().catch(code),
  log.stage({ baseOffset: log.logEndOffset, recordCount: 1, bytes: Buffer.from('x') }).catch(code),
]);
await store.close();
const { pendingBytes } = store.stats();
console.log(JSON.stringify({ acknowledged: log.flushedEndOffset, fatal, failure, later, pendingBytes }));
process.exit(0);

/**
 * A writer that is killed by crash.test.ts: appends to several partitions, stages and seals a tail, and puts state, all
 * in the same turns. What it prints on stdout was flushed: `name offset`, one past the last acknowledged record.
 * Arguments: directory, seed.
 */
import { writeSync } from 'node:fs';
import { openLogStore } from './index.ts';
import { makeBatch, RESERVED_PID } from './test-batches.ts';

export const CRASH_PARTITIONS = ['a', 'b', 'c'];

const [dir, seed] = [process.argv[2]!, Number(process.argv[3])];
// In most rounds with a journal, so that it is also found by one that will not use it.
const store = await openLogStore({ dir, segmentBytes: 150_000, journalBytes: seed % 4 === 0 ? 0 : 2 ** 18 });
const logs = CRASH_PARTITIONS.map((name) => store.createPartition(name));
const edge = store.createPartition('edge');
let random = seed;

function below(limit: number): number {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 8) % limit;
}

function acknowledge(name: string, offset: number, flushed: Promise<void>): void {
  void flushed.then(() => writeSync(1, `${name} ${offset}\n`));
}

writeSync(1, 'ready\n');
for (;;) {
  for (let i = below(12); i >= 0; i--) {
    const log = logs[below(logs.length)]!;
    const { batch, header } = makeBatch({
      baseOffset: log.logEndOffset,
      count: 1 + below(5),
      producerId: RESERVED_PID,
      valueBytes: below(3000),
    });
    const result = log.append(batch, header, { leaderEpoch: 1, offsets: 'assign' });
    if (!result.ok) throw new Error(result.message);
    acknowledge(log.name, result.lastOffset + 1, result.flushed);
    store.state.put(`end:${log.name}`, Buffer.from(String(log.logEndOffset)));
  }
  const recordCount = 1 + below(3);
  const baseOffset = edge.tailEndOffset;
  const staged = edge.stage({ baseOffset, recordCount, bytes: Buffer.from(`chunk ${baseOffset}`) });
  acknowledge('edge', baseOffset + recordCount, staged);
  if (below(10) === 0) {
    const count = edge.tailEndOffset - edge.logEndOffset;
    const { batch, header } = makeBatch({ baseOffset: edge.logEndOffset, count, producerId: RESERVED_PID });
    edge.seal(batch, header);
  }
  if (below(40) === 0) {
    for (const log of logs) log.advanceLogStart(Math.max(log.logStartOffset, log.flushedEndOffset - 200));
  }
  if (below(20) === 0) void store.clean({ deadShare: 0.3 });
  await (below(3) === 0 ? store.flushed() : new Promise((resolve) => setImmediate(resolve)));
}

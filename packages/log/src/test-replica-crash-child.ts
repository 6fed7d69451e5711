/**
 * A writer that is killed by crash.test.ts: leads and follows in turns, truncates, trims and begins anew. With everything that a
 * turn did to a log it puts a digest of the log and the number of the turn. What it prints on stdout was flushed: `name turn`.
 * Arguments: directory, seed.
 */
import { writeSync } from 'node:fs';
import { assert } from '@edgelog/base';
import { openLogStore, type PartitionLog } from './index.ts';
import { makeBatch, makeReplicated } from './test-batches.ts';
import { digestOf } from './test-log-digest.ts';

const [dir, seed] = [process.argv[2]!, Number(process.argv[3])];
const store = await openLogStore({ dir, segmentBytes: 60_000, journalBytes: seed % 4 === 0 ? 0 : 2 ** 18 });
const logs = ['a', 'b'].map((name) => store.createPartition(name));
let random = seed;
let turn = Math.max(0, ...logs.map(({ name }) => Number(store.state.get(`turn:${name}`) ?? 0)));

function below(limit: number): number {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return (random >>> 8) % limit;
}

function lead(log: PartitionLog): void {
  const producerId = 1 + below(3);
  const baseSequence = log.producer(producerId)?.nextSequence ?? 0;
  const { batch, header } = makeBatch({
    count: 1 + below(5),
    producerId,
    baseSequence,
    valueBytes: below(900),
  });
  const leaderEpoch = (log.leaderEpochs.latest ?? 0) + (below(9) === 0 ? 1 : 0);
  assert(log.append(batch, header, { leaderEpoch, offsets: 'assign' }).ok, 'what was appended was accepted');
}

function follow(log: PartitionLog): void {
  const leaderEpoch = log.leaderEpochs.latest ?? 0;
  const batches = Array.from({ length: 1 + below(6) }, () => ({
    count: 1 + below(4),
    valueBytes: below(900),
  }));
  const bytes = makeReplicated(log.logEndOffset + below(3), leaderEpoch, batches);
  assert(log.appendReplicated(bytes).ok, 'what was fetched was accepted');
}

function change(log: PartitionLog): void {
  const kind = below(40);
  if (kind < 20) lead(log);
  else if (kind < 30) follow(log);
  else if (kind < 37 && log.producersThrough === 0)
    log.truncate(log.logEndOffset - below(below(4) === 0 ? 200 : 20));
  else if (kind < 39) log.advanceLogStart(Math.max(log.logStartOffset, log.flushedEndOffset - 150));
  else {
    const producers = logs[0]!.producers();
    const startOffset = log.logEndOffset + below(10);
    log.startAnew({ startOffset, producers, producersThrough: startOffset + below(20) });
  }
}

writeSync(1, 'ready\n');
for (;;) {
  turn++;
  for (let i = below(6); i >= 0; i--) change(logs[below(logs.length)]!);
  for (const log of logs) {
    store.state.put(`turn:${log.name}`, Buffer.from(String(turn)));
    store.state.put(`digest:${log.name}`, Buffer.from(digestOf(log)));
  }
  const flushed = store.flushed();
  const done = turn;
  void flushed.then(() => writeSync(1, logs.map(({ name }) => `${name} ${done}\n`).join('')));
  if (below(20) === 0) void store.clean({ deadShare: 0.3 });
  await (below(3) === 0 ? flushed : new Promise((resolve) => setImmediate(resolve)));
}

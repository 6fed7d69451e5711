/**
 * A writer of compacted logs that is killed by crash.test.ts, most likely while it compacts: that is what it does nearly all the
 * time. What lies at an offset follows from the offset. What it prints on stdout was flushed: `name offset`, one past the
 * last acknowledged record. Arguments: directory, seed.
 */
import { writeSync } from 'node:fs';
import { openLogStore } from './index.ts';
import { appendKeyed, EAGER_POLICY, recordAt } from './test-keyed-log.ts';

const [dir, seed] = [process.argv[2]!, Number(process.argv[3])];
const store = await openLogStore({ dir, segmentBytes: 60_000, journalBytes: seed % 2 === 0 ? 0 : 2 ** 18 });
const logs = ['a', 'b', 'c'].map((name) => store.createPartition(name));
const policies = new Map(logs.map(({ name }) => [name, { ...EAGER_POLICY, deleteRetentionMs: 20 }]));

writeSync(1, 'ready\n');
void compact();
for (let turn = seed; ; turn++) {
  for (const log of logs) {
    const from = log.logEndOffset;
    appendKeyed(
      log,
      [...Array(1 + (turn % 5)).keys()].map((i) => recordAt(from + i)),
    );
    const end = log.logEndOffset;
    void store.flushed().then(() => writeSync(1, `${log.name} ${end}\n`));
  }
  await (turn % 3 === 0 ? store.flushed() : new Promise((resolve) => setTimeout(resolve, 1)));
}

async function compact(): Promise<never> {
  for (;;) {
    for (const done of await store.compact({ policies, mapBytesMax: 4000 }))
      if ('error' in done) throw done.error;
    await store.clean({ deadShare: 0.2 });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

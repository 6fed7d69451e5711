import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLogStore } from './index.ts';
import { makeBatch, RESERVED_PID } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const SEED = Number(process.env.EDGELOG_BIT_ROT_SEED ?? 1);
const ROUNDS = Number(process.env.EDGELOG_BIT_ROT_ROUNDS ?? 80);

/** Several segments, values of all sizes, some cut by a truncation, a tail, producers and state. */
async function writeStore(dir: string): Promise<void> {
  const store = await openLogStore({ dir, segmentBytes: 150_000 });
  const logs = ['small', 'middle', 'large'].map((name) => store.createPartition(name));
  const edge = store.createPartition('edge');
  for (let round = 0; round < 30; round++) {
    for (const [i, valueBytes] of [20, 900, 9000].entries()) {
      for (let n = 0; n < 3 - i; n++) {
        const { batch, header } = makeBatch({
          count: 1 + ((round + n) % 3),
          valueBytes: valueBytes + round,
          timestamp: 1_700_000_000_000 + ((7 * round) % 50),
        });
        expect(logs[i]!.append(batch, header, { leaderEpoch: round >> 3, offsets: 'assign' }).ok).toBe(true);
      }
    }
    const { batch, header } = makeBatch({ baseOffset: round, producerId: RESERVED_PID });
    expect(edge.append(batch, header, { leaderEpoch: 0, offsets: 'assign' }).ok).toBe(true);
    if (round % 10 === 5) for (const log of logs) log.truncate(log.logEndOffset - 3);
    store.state.put(`key ${round % 7}`, Buffer.alloc(round * 10, round));
    await store.flushed();
  }
  for (const size of [50, 3000]) {
    await edge.stage({ baseOffset: edge.tailEndOffset, recordCount: 2, bytes: Buffer.alloc(size, 7) });
  }
  await store.close();
}

test('whatever bits are flipped in a closed store, what is read is what was written, and the rest is told', async () => {
  const dir = tempDir();
  await writeStore(dir);
  const script = join(import.meta.dirname, 'test-bit-rot-child.ts');
  const child = spawn(process.execPath, [script, dir, tempDir(), String(SEED), String(ROUNDS)]);
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (errors += chunk));
  const [code, signal] = await once(child, 'close');
  const lines = out.trim().split('\n');
  expect([code, signal], `${lines.at(-1)}\n${errors}`).toEqual([0, null]);
  const count = (what: string) => lines.filter((line) => line.includes(`"outcome":"${what}`)).length;
  expect(count('damaged')).toBeGreaterThan(ROUNDS / 5);
  expect(count('refused')).toBeGreaterThan(0);
  expect(count('unharmed')).toBeGreaterThan(0);
});

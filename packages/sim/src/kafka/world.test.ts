import { expect, test } from 'vitest';
import { runKafka } from './world.ts';

test('whatever dies, moves, is lost or forgotten: each record is in the cluster once, in order, and nothing acknowledged is missing', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { violations, batches } = await runKafka({ seed });
    expect(violations, `npm run sim -- --world kafka --seed ${seed}`).toEqual([]);
    expect(batches).toBeGreaterThan(0);
  }
});

test('a session that was idle while a clone sent does not put its own batches behind those', async () => {
  expect((await runKafka({ seed: 1399 })).violations).toEqual([]);
});

test.each([1677, 20_193])(
  'a record of an opening that comes after the topic was made anew does not hide what is in the new one (%i)',
  async (seed) => {
    expect((await runKafka({ seed })).violations).toEqual([]);
  },
);

test('one seed, one history', async () => {
  const histories = [];
  for (let time = 0; time < 2; time++) {
    const lines: string[] = [];
    await runKafka({ seed: 6, trace: (line) => lines.push(line) });
    histories.push(lines);
  }
  expect(histories[0]!.length).toBeGreaterThan(20);
  expect(histories[1]).toEqual(histories[0]);
});

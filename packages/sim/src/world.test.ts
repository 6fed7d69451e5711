import { expect, test } from 'vitest';
import { FAULTS, runWorld } from './world.ts';

const SEEDS = 15;
const UNHARMFUL = ['break', 'cut', 'killAgent', 'killHub', 'moveLeader'] as const;

test('in worlds full of faults nothing acknowledged is lost, nothing doubled, runs are in order, gaps exact', async () => {
  let acknowledgements = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = await runWorld({ seed });
    expect(outcome.violations, `npm run sim -- --seed ${seed}`).toEqual([]);
    acknowledgements += outcome.acknowledgements;
  }
  expect(acknowledgements).toBeGreaterThan(250);
});

test.each(FAULTS)('%s alone', async (fault) => {
  for (let seed = 1_000; seed < 1_003; seed++) {
    const outcome = await runWorld({ seed, faults: [fault] });
    expect(outcome.violations, `seed ${seed}`).toEqual([]);
  }
});

test('kills, broken connections and moving leaders alone never make anyone diverge or lose', async () => {
  for (let seed = 2_000; seed < 2_005; seed++) {
    const outcome = await runWorld({ seed, faults: [...UNHARMFUL] });
    expect(outcome).toMatchObject({ violations: [], divergences: 0, gaps: 0 });
  }
});

test('fresh data beside a backlog: with lanes as without, nothing is lost, doubled or out of order', async () => {
  for (let seed = 3_000; seed < 3_008; seed++) {
    const outcome = await runWorld({ seed, liveFirst: true });
    expect(outcome.violations, `seed ${seed}`).toEqual([]);
  }
});

test('one seed, one history', async () => {
  const histories = [];
  for (let time = 0; time < 2; time++) {
    const lines: string[] = [];
    await runWorld({ seed: 31, trace: (line) => lines.push(line) });
    histories.push(lines);
  }
  expect(histories[0]!.length).toBeGreaterThan(20);
  expect(histories[1]).toEqual(histories[0]);
});

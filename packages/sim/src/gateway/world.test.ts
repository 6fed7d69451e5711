import { expect, test } from 'vitest';
import { runGateway } from './world.ts';

test('in the lives of gateways full of faults nothing acknowledged is lost, nothing doubled, gaps are exact, and all drains', async () => {
  let acknowledgements = 0;
  for (let seed = 1; seed <= 3; seed++) {
    const outcome = await runGateway({ seed });
    expect(outcome.violations, `npm run sim -- --world gateway --seed ${seed}`).toEqual([]);
    acknowledgements += outcome.acknowledgements;
  }
  expect(acknowledgements).toBeGreaterThan(20);
});

test('one seed, one history', async () => {
  const histories = [];
  for (let time = 0; time < 2; time++) {
    const lines: string[] = [];
    await runGateway({ seed: 1, trace: (line) => lines.push(line) });
    histories.push(lines);
  }
  expect(histories[0]!.length).toBeGreaterThan(20);
  expect(histories[1]).toEqual(histories[0]);
});

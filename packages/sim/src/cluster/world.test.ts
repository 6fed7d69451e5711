import { expect, test } from 'vitest';
import { CLUSTER_FAULTS, runCluster } from './world.ts';

test('in clusters full of faults nothing acknowledged is lost, nothing doubled, replicas end alike', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { violations, acknowledgements } = await runCluster({ seed });
    expect({ seed, violations }).toEqual({ seed, violations: [] });
    expect(acknowledgements).toBeGreaterThan(0);
  }
});

test.each(CLUSTER_FAULTS)('under %s alone', async (fault) => {
  const { violations, acknowledgements, reads } = await runCluster({ seed: 1, faults: [fault] });
  expect(violations).toEqual([]);
  expect(reads).toBeGreaterThanOrEqual(acknowledgements);
});

test('a drain that is ended before it has come to pass leaves no broker out of the ISR for ever', async () => {
  const { violations } = await runCluster({ seed: 27_464 });
  expect(violations).toEqual([]);
});

test('a seed replays exactly', async () => {
  const run = async (): Promise<string[]> => {
    const lines: string[] = [];
    await runCluster({ seed: 7, trace: (line) => lines.push(line) });
    return lines;
  };
  const first = await run();
  expect(first.length).toBeGreaterThan(100);
  expect(await run()).toEqual(first);
});

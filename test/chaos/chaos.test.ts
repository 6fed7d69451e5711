import { expect, test } from 'vitest';
import { NETWORK_FAULTS } from './faults/network.ts';
import { PROCESS_FAULTS } from './faults/processes.ts';
import { runChaos } from './run.ts';

const NAMES = [
  'kill -9 of a leader, which is back at once',
  'SIGSTOP of a leader for longer than its lease',
  'a leader cut off from all',
];

test('a leader is killed, stopped and cut off: nothing acknowledged is lost or doubled, and it goes on', async () => {
  const faults = [...PROCESS_FAULTS, ...NETWORK_FAULTS].filter(({ name }) => NAMES.includes(name));
  expect(faults).toHaveLength(NAMES.length);
  const lines: string[] = [];
  const report = await runChaos({
    seed: 1,
    faults,
    agents: 3,
    java: false,
    patience: 6,
    onProgress: (line) => lines.push(line),
  });
  expect(report.violations, lines.join('\n')).toEqual([]);
  expect(report.injuries).toHaveLength(NAMES.length);
  expect(report.counts.acknowledged).toBeGreaterThan(500);
});

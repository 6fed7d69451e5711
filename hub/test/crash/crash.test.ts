import { expect, test } from 'vitest';
import { runCrashCampaign } from './campaign.ts';

const ROUNDS = 4;

test('killed over and over under load of many kinds, a hub keeps what it told its clients', async () => {
  const seed = Date.now() % 2 ** 31;
  const report = await runCrashCampaign({ rounds: ROUNDS, seed });
  expect(report.violations, `npm run crash -- --seed ${seed}; data in ${report.dir}`).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(ROUNDS);
  expect(report.batchesChecked).toBeGreaterThan(0);
});

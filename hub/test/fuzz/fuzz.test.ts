import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';

const SECONDS = 5;

test('clients that misbehave for a while cost neither the hub nor its other clients anything', async () => {
  const seed = Date.now() % 2 ** 31;
  const { failures, roundTrips, attacks } = await runCampaign({ seconds: SECONDS, seed });
  expect(failures, `node hub/test/fuzz/main.ts --seed ${seed}`).toEqual([]);
  expect(roundTrips).toBeGreaterThan(1);
  expect(Math.min(...Object.values(attacks))).toBeGreaterThan(0);
});

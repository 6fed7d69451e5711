import { expect, test } from 'vitest';
import { delivered, inFlightMax, newPace } from './pace.ts';

/** A sender that always has as much under way as it may, over a link; answers the most that was ever under way, late in the run. */
function play(link: { bytesPerMs: number; delayMs: number }, batchBytes: number): number {
  const pace = newPace(0);
  const inFlight: { sentAt: number; deliveredAtSend: number; arrives: number }[] = [];
  let linkFreeAt = 0;
  let most = 0;
  for (let now = 0; now < 30_000; now++) {
    while (inFlight[0] !== undefined && inFlight[0].arrives <= now)
      delivered(pace, inFlight.shift()!, batchBytes, now);
    while (inFlight.length === 0 || (inFlight.length + 1) * batchBytes <= inFlightMax(pace)) {
      linkFreeAt = Math.max(linkFreeAt, now) + batchBytes / link.bytesPerMs;
      inFlight.push({
        sentAt: now,
        deliveredAtSend: pace.deliveredBytes,
        arrives: linkFreeAt + link.delayMs,
      });
      if (inFlight.length > 5_000) return Number.POSITIVE_INFINITY;
    }
    if (now > 15_000) most = Math.max(most, inFlight.length * batchBytes);
  }
  return most;
}

test('a slow link has no more under way than some seconds of it, so that fresh data is not behind minutes of backlog', () => {
  const bytesPerMs = 50;
  const most = play({ bytesPerMs, delayMs: 300 }, 10_000);
  expect(most).toBeGreaterThan(bytesPerMs * 600);
  expect(most).toBeLessThan(bytesPerMs * 5_000);
});

test('a fast link far away is filled', () => {
  const bytesPerMs = 1_000;
  expect(play({ bytesPerMs, delayMs: 600 }, 20_000)).toBeGreaterThan(bytesPerMs * 1_200);
});

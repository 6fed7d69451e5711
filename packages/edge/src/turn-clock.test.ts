import { expect, test } from 'vitest';
import { TurnClock } from './turn-clock.ts';

test('a clock that becomes trusted in the middle of a turn gives no reading of the turn its time without its trust', () => {
  const clock = { ms: 1000, isTrusted: false, now: () => clock.ms, raiseFloor: () => {} };
  const turn = new TurnClock(clock, () => clock.ms / 10);
  const seen = () => [turn.now(), turn.isTrusted, turn.monotonicMs()];
  turn.hold();
  expect(seen()).toEqual([1000, false, 100]);
  clock.ms = 9000;
  clock.isTrusted = true;
  turn.hold();
  expect(seen()).toEqual([1000, false, 100]);
  turn.release();
  expect(seen()).toEqual([9000, true, 900]);
});

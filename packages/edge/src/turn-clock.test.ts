import { expect, test } from 'vitest';
import { TurnClock } from './turn-clock.ts';

test('a clock that becomes trusted in the middle of a turn gives no reading of the turn its time without its trust', () => {
  const clock = { ms: 1000, isTrusted: false, now: () => clock.ms, raiseFloor: () => {} };
  let begun = 0;
  const turn = new TurnClock(
    clock,
    () => clock.ms / 10,
    () => begun++,
  );
  const seen = () => [turn.now(), turn.isTrusted, turn.monotonicMs()];
  expect([seen(), begun]).toEqual([[1000, false, 100], 1]);
  clock.ms = 9000;
  clock.isTrusted = true;
  expect([seen(), begun]).toEqual([[1000, false, 100], 1]);
  turn.release();
  expect([seen(), begun]).toEqual([[9000, true, 900], 2]);
});

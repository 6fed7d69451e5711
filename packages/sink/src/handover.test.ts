import { expect, test } from 'vitest';
import { Handover } from './handover.ts';
import { HANDOVER_MS, HANDOVER_MS_MAX, LOOK_AFTER_MS, LOOK_AFTER_MS_MIN } from './limits.ts';

/** Looks that take so long each, one after the other. Answers when the last one ended. */
function look(handover: Handover, takeMs: readonly number[], since = 0): number {
  let at = since;
  for (const ms of takeMs) {
    handover.looked(at, at + ms);
    at += ms;
  }
  return at;
}

test('a broker that fails over, and with it a look or two that take long, makes nobody wait', () => {
  const handover = new Handover();
  look(handover, [5, 9_000, 1_200, 5, 7]);
  expect(handover.wantedMs).toBe(HANDOVER_MS);
});

test('a link on which every look takes long asks for several times as much, and no more than ten seconds', () => {
  const handover = new Handover();
  const at = look(handover, [900, 800, 1_000, 700, 900]);
  expect(handover.wantedMs).toBe(2_800);
  look(handover, [9_000, 9_000, 9_000, 9_000], at);
  expect(handover.wantedMs).toBe(HANDOVER_MS_MAX);
});

test('what is asked for counts from the first look on that began after it was written', () => {
  const handover = new Handover();
  const at = look(handover, [800, 800, 800, 800]);
  handover.written(handover.wantedMs, at + 100);
  handover.looked(at, at + 800);
  expect(handover.agreedMs).toBe(HANDOVER_MS);
  handover.looked(at + 800, at + 1_600);
  expect(handover.agreedMs).toBe(3_200);
});

test.each([
  [0, LOOK_AFTER_MS],
  [75, LOOK_AFTER_MS],
  [100, HANDOVER_MS / 2 - 200],
  [2_000, LOOK_AFTER_MS_MIN],
])('where a look takes %i ms, what is committed waits %i ms for it', (lookMs, waitsMs) => {
  const handover = new Handover();
  look(handover, [9_000, lookMs]);
  expect(handover.lookAfterMs).toBe(waitsMs);
});

import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { OutageSchedule, parseOutagePlan } from './outage.ts';

test.each([
  ['60s/5s', { periodMs: 60_000, durationMs: 5_000 }],
  ['1h/500ms', { periodMs: 3_600_000, durationMs: 500 }],
  ['5s/60s', undefined],
  ['60/5', undefined],
  ['60s', undefined],
  ['60s/5s/1s', undefined],
])('%s', (text, plan) => {
  expect(parseOutagePlan(text)).toEqual(plan);
});

test('outages last as planned and come about once a period', () => {
  const schedule = new OutageSchedule({ periodMs: 60_000, durationMs: 5_000 }, createRandom(1));
  const states = Array.from({ length: 36_000 }, (_, i) => schedule.isOutAt(i * 100));
  const lengths: number[] = [];
  let length = 0;
  for (const isOut of states) {
    if (isOut) length += 1;
    else if (length > 0) {
      lengths.push(length);
      length = 0;
    }
  }
  expect(new Set(lengths)).toEqual(new Set([50]));
  expect(lengths.length).toBeGreaterThan(45);
  expect(lengths.length).toBeLessThan(75);
});

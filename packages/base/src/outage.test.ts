import { expect, test } from 'vitest';
import { OutageReasons } from './outage.ts';

test('brokers that fail in turn are told of once each, however long the outage', () => {
  const reasons = new OutageReasons();
  const told = Array.from({ length: 300 }, (_, n) => `kafka-${n % 3} did not answer`).filter((reason) =>
    reasons.isNews(reason),
  );
  expect(told).toEqual(['kafka-0 did not answer', 'kafka-1 did not answer', 'kafka-2 did not answer']);
});

test('the same reason in the next outage is news', () => {
  const reasons = new OutageReasons();
  expect([reasons.isNews('refused'), reasons.isNews('refused')]).toEqual([true, false]);
  reasons.over();
  expect(reasons.isNews('refused')).toBe(true);
});

test('reasons that never come twice are all told', () => {
  const reasons = new OutageReasons();
  expect(Array.from({ length: 100 }, (_, n) => reasons.isNews(`after ${n} ms`))).not.toContain(false);
});

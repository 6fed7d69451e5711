import { expect, test } from 'vitest';
import { BoundedSeries } from './bounded-series.ts';

test('a metric shows no more than its share of series, and how many were left out', () => {
  const bounded = new BoundedSeries(3);
  const samples = Array.from({ length: 5 }, (_, value) => ({ labels: { partition: value }, value }));
  expect([...bounded.of('lag', samples)]).toEqual(samples.slice(0, 3));
  expect([...bounded.of('size', samples.slice(3))]).toEqual(samples.slice(3));
  expect([...bounded.omitted()]).toEqual([{ labels: { metric: 'lag' }, value: 2 }]);
  expect([...bounded.of('lag', samples.slice(2))]).toHaveLength(3);
  expect([...bounded.omitted()]).toEqual([]);
});

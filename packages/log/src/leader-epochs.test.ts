import { expect, test } from 'vitest';
import { LeaderEpochCache } from './leader-epochs.ts';

function cache(...entries: [epoch: number, startOffset: number][]) {
  const made = new LeaderEpochCache(
    [],
    () => 100,
    () => {},
  );
  for (const [epoch, startOffset] of entries) made.assign(epoch, startOffset);
  return made;
}

test('the end of an epoch is the start of the next one, of the latest the log end', () => {
  const epochs = cache([1, 0], [3, 20], [4, 50]);
  expect(epochs.endOffsetFor(1)).toEqual({ epoch: 1, endOffset: 20 });
  expect(epochs.endOffsetFor(2)).toEqual({ epoch: 1, endOffset: 20 });
  expect(epochs.endOffsetFor(4)).toEqual({ epoch: 4, endOffset: 100 });
  expect(epochs.endOffsetFor(5)).toBeUndefined();
  expect(epochs.endOffsetFor(0)).toEqual({ epoch: 0, endOffset: 0 });
  expect(cache().endOffsetFor(0)).toBeUndefined();
});

test('assigning an epoch drops what is at or above it or its start', () => {
  const epochs = cache([1, 0], [3, 20], [4, 50], [2, 60]);
  expect(epochs.entries).toEqual([
    { epoch: 1, startOffset: 0 },
    { epoch: 2, startOffset: 60 },
  ]);
  epochs.assign(5, 60);
  expect(epochs.entries.map((e) => e.epoch)).toEqual([1, 5]);
  epochs.assign(5, 80);
  expect(epochs.entries.at(-1)).toEqual({ epoch: 5, startOffset: 60 });
});

test('a log start moved up keeps the epoch that covers it', () => {
  const epochs = cache([1, 0], [3, 20], [4, 50]);
  epochs.trimBelow(30);
  expect(epochs.entries).toEqual([
    { epoch: 3, startOffset: 30 },
    { epoch: 4, startOffset: 50 },
  ]);
});

test('an offset has the epoch that began last at or before it', () => {
  const epochs = cache([1, 0], [3, 20], [4, 50]);
  expect([0, 19, 20, 49, 50, 99].map((offset) => epochs.epochAt(offset))).toEqual([1, 1, 3, 3, 4, 4]);
  expect(cache([1, 5]).epochAt(4)).toBeUndefined();
});

test('truncation forgets what begins at or above the new end', () => {
  const epochs = cache([1, 0], [3, 20], [4, 50]);
  epochs.truncateFrom(51);
  expect(epochs.latest).toBe(4);
  epochs.truncateFrom(50);
  expect(epochs.entries.map(({ epoch }) => epoch)).toEqual([1, 3]);
  epochs.truncateFrom(0);
  expect(epochs.latest).toBeUndefined();
});

import { expect, test } from 'vitest';
import { type Interval, judge } from './verdict.ts';

const MIB = 2 ** 20;
const OPTIONS = { segmentBytes: 256 * MIB, deadShare: 0.5, retentionCheckSeconds: 30 };

function run(change: (minute: number) => Partial<Interval>): boolean[] {
  const intervals = Array.from({ length: 30 }, (_, minute) => ({
    seconds: 60,
    producedMibPerSecond: 100,
    cpuSeconds: 30,
    privateMib: 120,
    physicalBytes: 1024 * MIB,
    liveBytes: 600 * MIB,
    appendedBytes: 6000 * MIB,
    ...change(minute),
  }));
  return judge(intervals, OPTIONS).map(({ isMet }) => isMet);
}

test('a run that goes on as it began is in order', () => {
  expect(run(() => ({}))).toEqual([true, true, true]);
});

test('throughput that falls by more than a fifth is told', () => {
  expect(run((minute) => ({ producedMibPerSecond: 100 - minute }))).toEqual([false, true, true]);
  expect(run((minute) => ({ producedMibPerSecond: 100 - minute / 2 }))).toEqual([true, true, true]);
});

test('memory that grows by a few MiB a minute is told', () => {
  expect(run((minute) => ({ privateMib: 100 + 4 * minute }))).toEqual([true, false, true]);
});

test('disk that is not freed is told', () => {
  expect(run((minute) => ({ physicalBytes: 6000 * MIB * minute }))).toEqual([true, true, false]);
});

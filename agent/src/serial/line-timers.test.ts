import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { lineTimers } from './line-timers.ts';

test('nothing runs before its time by the clock of the line: a silence was a fraction of a millisecond short, and the frame that it ended was told with the next one', () => {
  // Node's timer comes early here, by a whole second.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const ran: string[] = [];
  lineTimers(() => true).after(1000, () => ran.push('early'));
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual([]);
  expect(vi.getTimerCount()).toBe(1);
});

test('what was cancelled does not run, nor what waits for bytes that came or a line that is gone', async () => {
  const ran: string[] = [];
  const cancel = lineTimers(() => true).after(5, () => ran.push('cancelled'));
  cancel();
  lineTimers(() => false).after(5, () => ran.push('not ready'));
  let cancelWhenRead = () => {};
  const timers = lineTimers(() => {
    cancelWhenRead();
    return true;
  });
  cancelWhenRead = timers.after(5, () => ran.push('read meanwhile'));
  await sleep(50);
  expect(ran).toEqual([]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AlarmHeap } from './timers.ts';

test('alarms come out in the order of their times, and none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, now) => {
      const heap = new AlarmHeap();
      for (const at of times) heap.add({ at, groupId: 'g' });
      const due: number[] = [];
      for (let alarm = heap.takeDue(now); alarm; alarm = heap.takeDue(now)) due.push(alarm.at);
      const sorted = times.toSorted((a, b) => a - b);
      expect(due).toEqual(sorted.filter((at) => at <= now));
      expect(heap.nextAt).toBe(sorted.find((at) => at > now));
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from './due-queue.ts';

test('the earliest is first, of the same time what was pushed first, whatever is taken between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(5), { nil: undefined }), { maxLength: 60 }), (steps) => {
      const queue = new DueQueue<number>();
      const model: { at: number; item: number }[] = [];
      for (const [item, at] of steps.entries()) {
        if (at === undefined) {
          queue.pop();
          model.shift();
        } else {
          queue.push(at, item);
          model.push({ at, item });
          model.sort((a, b) => a.at - b.at || a.item - b.item);
        }
        expect(queue.first && { at: queue.first.at, item: queue.first.item }).toEqual(model[0]);
      }
    }),
  );
});

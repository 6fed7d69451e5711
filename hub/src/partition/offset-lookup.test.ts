import fc from 'fast-check';
import { expect, test } from 'vitest';
import { offsetOfMaxTimestamp } from './offset-lookup.ts';

test('finds the first record with the greatest timestamp, in few look-ups', () => {
  const timestamps = fc.array(fc.oneof(fc.nat(20), fc.nat(2 ** 31 - 1), fc.constant(2 ** 50)), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(timestamps, (log) => {
      let lookups = 0;
      const found = offsetOfMaxTimestamp({
        offsetForTimestamp(timestamp) {
          lookups += 1;
          const offset = log.findIndex((one) => one >= timestamp);
          return offset < 0 ? undefined : { offset, timestamp: log[offset]! };
        },
      });
      const max = Math.max(...log);
      expect(found).toEqual(log.length === 0 ? undefined : { offset: log.indexOf(max), timestamp: max });
      expect(lookups).toBeLessThan(300);
    }),
  );
});

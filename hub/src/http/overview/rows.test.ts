import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareNames, contains, firstByName } from './rows.ts';

test('the first rows by name are those that sorting all would give', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.nat(20), (names, count) => {
      const { matching, first } = firstByName(names, (name) => name, count);
      expect(matching).toBe(names.length);
      expect(first).toEqual(names.toSorted(compareNames).slice(0, count));
    }),
  );
});

test('a search finds part of a name in any case', () => {
  expect(contains('Plant-1', 'ant')).toBe(true);
  expect(contains('Plant-1', 'plant-1')).toBe(true);
  expect(contains('Plant-1', '')).toBe(true);
  expect(contains('Plant-1', 'plant-2')).toBe(false);
});

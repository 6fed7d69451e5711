import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topicFilter, wildcard } from './pattern.ts';

/** [MQTT-4.7] as it is written, level by level. */
function matches([filter, ...filters]: string[], [level, ...levels]: string[], isFirst = true): boolean {
  if (filter === undefined) return level === undefined;
  const isWild = filter === '#' || filter === '+' || filter.startsWith('{');
  if (isFirst && isWild && level?.startsWith('$')) return false;
  if (filter === '#') return true;
  if (level === undefined) return false;
  return (isWild || filter === level) && matches(filters, levels, false);
}

const level = fc.constantFrom('', 'a', 'b', '$a');
const topic = fc.array(level, { minLength: 1, maxLength: 4 });
const filter = fc
  .tuple(
    fc.array(fc.constantFrom('', 'a', 'b', '$a', '+', '{x}', '{y}'), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([levels, isOpen]) => (isOpen ? [...levels, '#'] : levels))
  .filter((levels) => levels.join('/') !== '')
  .filter((levels) => ['{x}', '{y}'].every((one) => levels.filter((other) => other === one).length < 2));

test('a filter matches what MQTT says, and captures are the levels they stand for', () => {
  fc.assert(
    fc.property(filter, topic, (filters, levels) => {
      const found = topicFilter(filters.join('/')).match(levels.join('/'));
      expect(found !== undefined).toBe(matches(filters, levels));
      for (const [i, one] of filters.entries()) {
        if (one.startsWith('{')) expect(found?.get(one.slice(1, -1)) ?? levels[i]).toBe(levels[i]);
      }
      if (found !== undefined && filters.at(-1) === '#') {
        expect(found.get('#')).toBe(levels.slice(filters.length - 1).join('/'));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a port pattern is text but for its stars', () => {
  const pattern = wildcard('/dev/tty.*(0)*');
  expect(pattern.match('/dev/tty.usb(0)-1')?.get('#')).toBe('-1');
  expect(pattern.match('/dev/ttyXusb(0)')).toBeUndefined();
  expect(wildcard('/dev/ttyS0').match('/dev/ttyS0')).toBeDefined();
});

test('a star pattern matches what its regular expression would, and the last star is as short as there', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 8 });
  fc.assert(
    fc.property(text, name, (pattern, given) => {
      const found = new RegExp(`^${pattern.replaceAll('*', '(.*)')}$`, 's').exec(given);
      const matched = wildcard(pattern).match(given);
      expect(matched !== undefined).toBe(found !== null);
      if (found !== null && pattern.includes('*')) expect(matched!.get('#')).toBe(found.at(-1));
    }),
    { numRuns: 2000 },
  );
});

test('a client id made to be slow to match costs no more than any other of its length', () => {
  const name = '-'.repeat(65_535);
  // The regular expression took hours.
  expect(wildcard('*-*-*-x').match(name)).toBeUndefined();
});

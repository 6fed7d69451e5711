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

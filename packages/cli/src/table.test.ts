import { expect, test } from 'vitest';
import { renderTable } from './table.ts';

test('columns are as wide as their widest cell, figures stand flush right', () => {
  expect(
    renderTable(
      ['TOPIC', 'LAG'],
      [
        ['telemetry', 5],
        ['t', 12_345],
        ['u', '-'],
      ],
    ),
  ).toBe('TOPIC        LAG\ntelemetry      5\nt          12345\nu              -\n');
});
test('no rows leave the header', () => {
  expect(renderTable(['GROUP', 'STATE'], [])).toBe('GROUP  STATE\n');
});
test('a table of many rows is no reason to fail', () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [`row ${i}`, i]);
  expect(renderTable(['NAME', 'NUMBER'], rows).split('\n')).toHaveLength(200_002);
});
test('names that clients choose cannot steer the terminal', () => {
  expect(renderTable(['GROUP'], [['a\x1b[2J\nb']])).toBe('GROUP\na\\x1b[2J\\nb\n');
});

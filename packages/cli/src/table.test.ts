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

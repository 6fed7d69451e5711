import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTime } from './iso-time.ts';

const AT = Date.UTC(2023, 10, 14, 22, 13, 20);

test.each([
  ['2023-11-14T22:13:20Z', AT],
  ['2023-11-14T22:13:20', AT],
  ['2023-11-14 22:13:20', AT],
  ['20231114T221320Z', AT],
  ['2023-11-14T23:13:20+01:00', AT],
  ['2023-11-14T23:13:20+0100', AT],
  ['2023-11-14T23:13:20 +01', AT],
  ['2023-11-14T12:43:20-09:30', AT],
  ['2023-11-14T22:13:20.123456789Z', AT + 123],
  ['2023-11-14T22:13:20,5Z', AT + 500],
  ['2023-11-14', Date.UTC(2023, 10, 14)],
  ['2023-11-14T24:00Z', Date.UTC(2023, 10, 15)],
  ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
])('%s is a time, on a gateway in any time zone', (text, ms) => {
  expect(isoTime(text)).toBe(ms);
});

test.each([
  'room 7',
  '12',
  '',
  'Tue Mar 01 2022',
  '14.11.2023 22:13:20',
  '2023-02-30T00:00:00Z',
  '2023-13-01',
  '2023-11-14T25:00:00Z',
  '2023-11-14T22:60:00Z',
  '2023-11-14T22:13:20+99:00',
])('%j is none, whatever Date.parse makes of it', (text) => {
  expect(isoTime(text)).toBeUndefined();
});

test('every time as JavaScript writes it is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
      expect(isoTime(new Date(ms).toISOString())).toBe(ms);
    }),
  );
});

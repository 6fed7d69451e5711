import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UploadWindows } from './upload-windows.ts';

const BERLIN = 'Europe/Berlin';
const at = (text: string) => Date.parse(text);

test('a night on weekdays begins on Monday evening and ends on Saturday morning', () => {
  const windows = new UploadWindows(['Mon-Fri 22:00-06:00'], BERLIN);
  expect(windows.isOpen(at('2026-01-05T05:59:00+01:00'))).toBe(false); // Monday: Sunday's night is none
  expect(windows.isOpen(at('2026-01-05T22:00:00+01:00'))).toBe(true);
  expect(windows.isOpen(at('2026-01-10T05:59:59+01:00'))).toBe(true);
  expect(windows.isOpen(at('2026-01-10T06:00:00+01:00'))).toBe(false);
  expect(windows.changesAt(at('2026-01-10T06:00:00+01:00'))).toBe(at('2026-01-12T22:00:00+01:00'));
});

test('the hour that the clocks skip in spring is missing', () => {
  const windows = new UploadWindows(['02:30-04:00'], BERLIN);
  const opens = windows.changesAt(at('2026-03-29T00:30:00Z'));
  expect(opens).toBe(at('2026-03-29T01:00:00Z'));
  expect(windows.changesAt(opens!)).toBe(at('2026-03-29T02:00:00Z'));
  expect(new UploadWindows(['02:00-03:00'], BERLIN).changesAt(at('2026-03-28T03:00:00Z'))).toBe(
    at('2026-03-30T00:00:00Z'),
  );
});

test('the hour that comes twice in autumn counts twice', () => {
  const windows = new UploadWindows(['02:00-03:00'], BERLIN);
  const opens = windows.changesAt(at('2026-10-24T12:00:00Z'));
  expect(opens).toBe(at('2026-10-25T00:00:00Z'));
  expect(windows.changesAt(opens!)).toBe(at('2026-10-25T02:00:00Z'));
});

test('zones with half hours, and one whose summer is half an hour', () => {
  expect(new UploadWindows(['06:00-07:00'], 'Asia/Kolkata').isOpen(at('2026-05-01T00:30:00Z'))).toBe(true);
  const howe = new UploadWindows(['02:15-03:00'], 'Australia/Lord_Howe');
  expect(howe.changesAt(at('2026-10-03T14:00:00Z'))).toBe(at('2026-10-03T15:30:00Z'));
});

test('what changes when is what is seen minute by minute', () => {
  const times = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') });
  const minute = fc.integer({ min: 0, max: 1439 });
  const clock = (m: number) => `${Math.floor(m / 60)}:${String(m % 60).padStart(2, '0')}`;
  const zones = fc.constantFrom('Europe/Berlin', 'America/New_York', 'UTC', 'Australia/Lord_Howe');
  fc.assert(
    fc.property(times, minute, minute, zones, (now, from, to, zone) => {
      const windows = new UploadWindows([`${clock(from)}-${clock(to)}`], zone);
      const changes = windows.changesAt(now);
      if (changes === undefined) {
        expect(from).toBe(to);
        return;
      }
      expect(windows.isOpen(changes)).toBe(!windows.isOpen(now));
      const step = Math.max(1, Math.floor((changes - now) / 20));
      for (let t = now; t < changes; t += step) expect(windows.isOpen(t)).toBe(windows.isOpen(now));
    }),
    { numRuns: 30 },
  );
});

test.each([
  '22-06',
  'mon 10:00-11:00',
  '25:00-26:00',
  '10:70-11:00',
  'Mon-Tue-Wed 10:00-11:00',
  '24:00-01:00',
  '',
])('window %j is refused with what is expected', (text) =>
  expect(() => new UploadWindows([text])).toThrow(/"Mon-Fri 22:00-06:00"/),
);

test('an unknown zone is named', () => {
  expect(() => new UploadWindows(['10:00-11:00'], 'Mars/Olympus')).toThrow(/Mars\/Olympus/);
});

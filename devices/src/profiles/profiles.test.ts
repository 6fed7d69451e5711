import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { expectedLines, outcomeLines, replayCapture } from './check.ts';
import { openProfile } from './line-profile.ts';
import { loadProfile, PROFILES_DIRECTORY, profileNames } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'edgelog-profiles-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe.each(profileNames())('profile %s', (name) => {
  const path = join(PROFILES_DIRECTORY, `${name}.yaml`);
  const profile = loadProfile(name);

  test('its capture gives what is expected, to the digit', () => {
    const replayed = replayCapture(profile, path);
    expect(replayed?.problems).toEqual([]);
    expect(replayed && outcomeLines(replayed)).toEqual(expectedLines(path));
    expect(replayed?.readings.length).toBeGreaterThan(0);
    for (const { value } of replayed?.readings ?? []) JSON.parse(value.toString());
  });

  test.each([1, 3, 7])('its capture gives the same when %i bytes arrive at a time', (cut) => {
    const replayed = replayCapture(profile, path, cut);
    expect(replayed?.problems).toEqual([]);
    expect(replayed && outcomeLines(replayed)).toEqual(expectedLines(path));
  });
});

test('the ones that were asked for are there', () => {
  expect(profileNames()).toEqual(
    expect.arrayContaining([
      'ds18b20-ascii',
      'dsmr-p1',
      'eastron-sdm120',
      'eastron-sdm630',
      'generic-csv',
      'iec62056-meter',
      'mbus-heat-meter',
      'nmea-gps',
      'xy-md02',
    ]),
  );
});

const WRONG = `title: Mine
source: me
protocol: modbus-rtu
line: { baudRate: 9600 }
registers:
  - { name: temperature, table: input, address: 1, type: int16, scael: 0.1 }
  - { name: temperature, table: input, address: 2, type: int12 }
  - { name: relay, table: coil, address: 3, type: uint16 }
`;

test('a wrong profile is told with file, line and what is allowed', () => {
  const path = join(directory, 'mine.yaml');
  writeFileSync(path, WRONG);
  const problem = (() => {
    try {
      loadProfile(path);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  })();
  expect(problem).toContain(`${path}:6: registers.0.scael is not a known key`);
  expect(problem).toMatch(/mine\.yaml:7: registers\.1\.type .*"int16"/);
  writeFileSync(path, WRONG.replace(', scael: 0.1', '').replace('int12', 'int16'));
  expect(() => loadProfile(path)).toThrow(
    /mine\.yaml:7: registers\.1\.name is used twice: "temperature"|mine\.yaml:8: registers\.2\.type must be bit/,
  );
});

test('a name that is none is told with the one that was meant', () => {
  expect(() => loadProfile('eastron-sdm12')).toThrow(/there is no profile "eastron-sdm12".*eastron-sdm120/);
});

test('an address the protocol does not have is refused', () => {
  expect(() => openProfile({ profile: 'xy-md02', devices: { hall: 248 } })).toThrow(
    /device hall: address "248" must be 1 to 247/,
  );
  expect(() => openProfile({ profile: 'nmea-gps', devices: { hall: 1 } })).toThrow(/only listens/);
});

import { expect, test } from 'vitest';
import { checksumOf } from '../../framing/checksums.ts';
import { loadProfile } from '../../profiles/load.ts';
import { createProtocol } from '../../profiles/protocol.ts';
import { obisTime } from '../obis/obis-value.ts';
import { TestLine } from '../testing.ts';

function telegram(...lines: string[]): Buffer {
  const body = Buffer.from(['/EDG5\\2TEST', '', ...lines, '!'].join('\r\n'));
  return Buffer.concat([
    body,
    Buffer.from(`${checksumOf('crc16-arc', body).toString(16).padStart(4, '0')}\r\n`),
  ]);
}

function listen(...chunks: Buffer[]): TestLine {
  const line = new TestLine(createProtocol(loadProfile('dsmr-p1')));
  for (const [i, chunk] of chunks.entries()) line.after(i + 1, chunk);
  return line.run(1_000);
}

const POWER = '1-0:1.7.0(00.517*kW)';
const READ = { meter: 'EDG5\\2TEST', importPower: 0.517 };

test('a telegram that is cut short by the next one costs only itself', () => {
  const whole = telegram(POWER);
  const line = listen(whole, whole.subarray(0, 30), whole);
  expect(line.values).toEqual([READ, READ]);
  expect(line.faults).toEqual(['framing']);
});

test('a port that is opened in the middle of a telegram counts no fault', () => {
  const whole = telegram(POWER);
  const line = listen(whole.subarray(10), whole);
  expect(line.values).toEqual([READ]);
  expect(line.faults).toEqual([]);
});

test('a value in another unit than the profile says is a fault, not a number', () => {
  const line = listen(telegram('1-0:1.7.0(00517*W)', '1-0:1.8.1(000001.000*kWh)'));
  expect(line.values).toEqual([{ meter: 'EDG5\\2TEST', importTariff1: 1 }]);
  expect(line.faults).toEqual(['content']);
});

test('sub-meters are told apart by their device type, whatever their channel', () => {
  const line = listen(
    telegram(
      '0-1:24.1.0(007)',
      '0-1:24.2.1(251026010000S)(00012.500*m3)',
      '0-2:24.1.0(003)',
      '0-2:24.2.3(251026010000S)(00671.790*m3)',
      '0-3:24.1.0(099)',
      '0-3:24.2.1(251026010000S)(00001.000*m3)',
    ),
  );
  expect(line.values).toEqual([
    {
      meter: 'EDG5\\2TEST',
      water: 12.5,
      waterTime: '2025-10-26T01:00:00+02:00',
      gas: 671.79,
      gasTime: '2025-10-26T01:00:00+02:00',
    },
  ]);
});

test('the hour that comes twice at the end of summer time is two hours', () => {
  expect(Date.parse(obisTime('251026023000W')!) - Date.parse(obisTime('251026023000S')!)).toBe(3_600_000);
  expect(obisTime('251326023000S')).toBeUndefined();
});

test('a babbling line takes no memory and costs only what it babbled', () => {
  const line = listen(Buffer.alloc(100_000, '/x'), telegram(POWER));
  expect(line.values).toEqual([READ]);
  expect(line.faults).toContain('framing');
});

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

test('two gas meters, as after one was replaced, are two values: the old one hid the new one, or was hidden', () => {
  const line = listen(
    telegram(
      '0-1:24.1.0(003)',
      '0-1:24.2.1(240101010000W)(09999.999*m3)',
      '0-2:24.1.0(003)',
      '0-2:24.2.1(251026010000S)(00012.500*m3)',
    ),
  );
  expect(line.values).toMatchObject([
    { gas: 9_999.999, gas_2: 12.5, gas_2Time: '2025-10-26T01:00:00+02:00' },
  ]);
  const units = line.readings[0]!.headers.find(([key]) => key === 'edgelog.units')![1];
  expect(JSON.parse(units.toString())).toEqual({ gas: 'm3', gas_2: 'm3' });
});

test('a sub-meter that was never read is no value, and no fault in every telegram', () => {
  const line = listen(telegram(POWER, '0-1:24.1.0(003)', '0-1:24.2.1(700101010000W)(00000000)'));
  expect(line.values).toEqual([READ]);
  expect(line.faults).toEqual([]);
});

test('a CRC without its leading zeros is one', () => {
  let whole = telegram(POWER);
  for (let watts = 0; !/!0[0-9a-f]{3}\r\n$/.test(whole.toString()); watts++)
    whole = telegram(`1-0:1.7.0(00.${String(watts).padStart(3, '0')}*kW)`);
  const short = Buffer.from(whole.toString().replace(/!0+/, '!'));
  expect(listen(short).values).toHaveLength(1);
});

test('an equipment number that is no text stays the digits it is', () => {
  const line = listen(telegram('0-0:96.1.1(3960221976967177082151037881335713)', POWER));
  expect(line.values).toMatchObject([{ equipment: '3960221976967177082151037881335713' }]);
});

test('what the meters of Belgium and Sweden tell besides is read', () => {
  const line = listen(
    telegram(
      '0-0:96.1.4(50221)',
      '1-0:1.8.0(00006678.394*kWh)',
      '1-0:1.4.0(02.351*kW)',
      '1-0:1.6.0(230901081500S)(03.110*kW)',
      '0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(230801000000S)(230722174500S)(04.329*kW)',
    ),
  );
  expect(line.values).toEqual([
    {
      meter: 'EDG5\\2TEST',
      versionBelgium: '50221',
      importEnergy: 6_678.394,
      averageDemand: 2.351,
      monthPeakDemand: 3.11,
      monthPeakDemandTime: '2023-09-01T08:15:00+02:00',
    },
  ]);
  expect(line.faults).toEqual([]);
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

import { expect, test } from 'vitest';
import { decimalText } from '../decimal.ts';
import { LINE_9600, TestLine } from '../testing.ts';
import { longFrame, selection, shortFrame } from './frame.ts';
import { MbusMaster } from './master.ts';
import { parseRecords } from './records.ts';

function records(hex: string): unknown[] {
  return parseRecords(Buffer.from(hex, 'hex')).records.map(({ name, unit, value }) => [
    name,
    typeof value === 'object' ? decimalText(value) : value,
    unit,
  ]);
}

test.each([
  ['8-digit BCD', '0c0645230100', ['energy', '12345000', 'Wh']],
  ['BCD with F for minus', '0a5a12f0', ['flowTemperature', '-1.2', '°C']],
  ['BCD with a digit that is none: no valid value', '0a5aeeee', ['flowTemperature', undefined, '']],
  ['16-bit integer below zero', '0259feff', ['flowTemperature', '-0.02', '°C']],
  ['48-bit integer', '0613010000000001', ['volume', '1099511627.777', 'm³']],
  ['real', '05fd4800004843', ['voltage', '20', 'V']],
  ['storage, tariff and unit of the device', '8c91400634120000', ['energy_s2_t1_u2', '1234000', 'Wh']],
  ['maximum', '1c2b34120000', ['power_max', '1234', 'W']],
  ['corrected by a thousand', '04937d02000000', ['volume', '2', 'm³']],
  ['date', '426c5a3b', ['date_s1', '2026-11-26', '']],
  ['date and time', '046d230e5a3b', ['time', '2026-11-26T14:35', '']],
  ['date and time the meter marks as not valid', '046da30e5a3b', ['time', undefined, '']],
  ['text, last character first', '0dfd0c03434241', ['model', 'ABC', '']],
])('record: %s', (_, hex, expected) => {
  expect(records(hex)).toEqual([expected]);
});

const HEADER = '78563412871401042a000000';

function answer(hex: string, address = 1): Buffer {
  return longFrame(Buffer.from(`08${address.toString(16).padStart(2, '0')}72${HEADER}${hex}`, 'hex'));
}

function master(address: string, instrument: (request: Buffer) => Buffer | undefined): TestLine {
  const options = {
    profile: 'test',
    line: LINE_9600,
    values: [],
    everyMs: 60_000,
    timeoutMs: 200,
    retries: 2,
  };
  return new TestLine(new MbusMaster({ ...options, devices: [{ name: 'heat', address }] }), instrument);
}

test('a meter with two telegrams is asked twice and gives one reading', () => {
  const line = master('1', (request) => {
    if (request[1] === 0x40) return Buffer.of(0xe5);
    return request[1] === 0x7b ? answer('0c06452301001f') : answer('0b2b341200');
  }).run(5_000);
  expect(line.values).toMatchObject([{ meter: '12345678', energy: 12_345_000, power: 1_234 }]);
  expect(line.readings[0]!.device).toBe('heat');
});

test('a meter is selected by its identification number; another one that answers is not taken for it', () => {
  for (const [number, count] of [
    ['12345678', 1],
    ['12345679', 0],
  ] as const) {
    const line = master(number, (request) => {
      if (request.equals(selection(number))) return Buffer.of(0xe5);
      return request[1] === 0x40 ? undefined : answer('0c0645230100', 0xfd);
    }).run(5_000);
    expect(line.readings).toHaveLength(count);
    expect(line.faults).toEqual(count === 1 ? [] : ['content']);
  }
});

test('an answer of another address is no answer', () => {
  const line = master('1', (request) =>
    request[1] === 0x40 ? Buffer.of(0xe5) : answer('0c0645230100', 2),
  ).run(5_000);
  expect(line.readings).toEqual([]);
  expect(line.faults).toContain('timeout');
});

test('a meter that does not answer is waited for no longer than its retries', () => {
  const line = master('1', () => undefined).run(2_000);
  expect(line.faults).toEqual(['timeout']);
  expect(line.written.every((frame) => frame.equals(shortFrame(0x40, 1)))).toBe(true);
  expect(line.written).toHaveLength(3);
});

test('an encrypted meter is told as such', () => {
  const encrypted = longFrame(Buffer.from('080172785634128714010400000005aabb', 'hex'));
  const line = master('1', (request) => (request[1] === 0x40 ? Buffer.of(0xe5) : encrypted)).run(1_000);
  expect(line.details).toEqual(['meter 1: meter 12345678 encrypts its data']);
});

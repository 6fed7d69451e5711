import { expect, test } from 'vitest';
import { loadProfile } from '../../profiles/load.ts';
import { createProtocol } from '../../profiles/protocol.ts';
import { TestLine } from '../testing.ts';
import { findBlock, findIdentification, request } from './messages.ts';

function block(...lines: string[]): Buffer {
  const body = Buffer.from(`${[...lines, '!', ''].join('\r\n')}\x03`, 'latin1');
  return Buffer.concat([Buffer.of(0x02), body, Buffer.of(body.reduce((sum, byte) => sum ^ byte, 0))]);
}

const READ_OUT = block('0.0.0(12345678)', '1.8.0(012345.678*kWh)');

/** A meter whose n-th data block is changed by `spoil`. */
function meter(identification: string, spoil: (bytes: Buffer, n: number) => Buffer | undefined): TestLine {
  let blocks = 0;
  const protocol = createProtocol(loadProfile('iec62056-meter'), { everyMs: 60_000 });
  return new TestLine(protocol, (message) => {
    if (message.equals(request(''))) return Buffer.from(`${identification}\r\n`);
    blocks += 1;
    return spoil(READ_OUT, blocks);
  });
}

test('a block with a wrong check character is asked for again', () => {
  const line = meter('/EDG5X', (bytes, n) => {
    const copy = Buffer.from(bytes);
    if (n === 1) copy[20]! ^= 1;
    return copy;
  }).run(10_000);
  expect(line.faults).toEqual(['checksum']);
  expect(line.values).toEqual([{ meterNumber: '12345678', importEnergy: 12_345.678 }]);
});

test('codes in full, as an Iskra MT174 writes them, are those of the profile; values of past months are not', () => {
  const full = block(
    '1-0:0.0.0*255(74632183)',
    '0-0:F.F.0*255(0000000)',
    '1-0:1.8.0*01(0000100.000*kWh)',
    '1-0:1.8.0*255(0000112.628*kWh)',
    '1-0:2.8.0*255(0000074.224*kWh)',
    '1-0:1.7.0*255(0.420*kW)',
    '1-0:32.7.0*255(232.3*V)',
  );
  const line = meter('/ISk5MT174-0001', () => full).run(10_000);
  expect(line.values).toEqual([
    {
      meterNumber: '74632183',
      errorCode: '0000000',
      importEnergy: 112.628,
      exportEnergy: 74.224,
      importPower: 0.42,
      voltageL1: 232.3,
    },
  ]);
});

test('a block cut short is no reading', () => {
  const line = meter('/EDG5X', (bytes, n) => (n === 1 ? bytes.subarray(0, 25) : bytes)).run(15_000);
  expect(line.faults).toEqual(['framing']);
  expect(line.values).toHaveLength(1);
});

test('a meter that offers more than the profile allows is read at what the profile allows', () => {
  const find = (text: string, maxBaud = 9_600) =>
    findIdentification(Buffer.from(`${text}\r\n`), request(''), maxBaud);
  expect(find('/EDG6X')).toMatchObject({ mode: 'C', baudRate: 9_600, character: '5' });
  expect(find('/EDG5X', 300)).toMatchObject({ mode: 'C', baudRate: 300, character: '0' });
  expect(find('/EDGDX')).toMatchObject({ mode: 'B', baudRate: 4_800 });
  expect(find('/EDG X')).toMatchObject({ mode: 'A', baudRate: 300 });
  expect(find('/ED')).toBeUndefined();
});

test('the check character covers all behind STX up to ETX', () => {
  expect(findBlock(READ_OUT)).toEqual({ kind: 'block', lines: ['0.0.0(12345678)', '1.8.0(012345.678*kWh)'] });
  for (let i = 1; i < READ_OUT.length; i++) {
    const flipped = Buffer.from(READ_OUT);
    flipped[i]! ^= 1;
    expect(findBlock(flipped).kind).not.toBe('block');
  }
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VARINT_BYTES_MAX, VarintReader, varintBytes, writeVarint } from './varint.ts';

const value = fc.oneof(
  fc.integer(),
  fc.integer({ min: -70, max: 70 }),
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }),
  fc.constantFrom(-(2 ** 30) - 1, -(2 ** 30), 2 ** 30 - 1, 2 ** 30, -(2 ** 52), 2 ** 52 - 1),
);

test('varints agree with a bigint zigzag encoder', () => {
  fc.assert(
    fc.property(value, (number) => {
      const buf = Buffer.alloc(VARINT_BYTES_MAX);
      const end = writeVarint(buf, number, 0);
      expect(buf.subarray(0, end)).toEqual(zigzag(BigInt(number)));
      const reader = new VarintReader(buf);
      expect(reader.read(buf.length)).toBe(number);
      expect(reader.at).toBe(end);
    }),
  );
});

test('the size told beforehand is the size written', () => {
  for (let power = 0; power < 30; power++) {
    for (const number of [2 ** power - 1, 2 ** power]) {
      expect(varintBytes(number)).toBe(writeVarint(Buffer.alloc(VARINT_BYTES_MAX), number, 0));
    }
  }
});

test.each([
  ['empty', []],
  ['cut', [0x80]],
  ['of more than ten bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ['of more than 53 bits', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]],
])('a varint that is %s is refused', (_, bytes) => {
  const buf = Buffer.from(bytes);
  expect(new VarintReader(buf).read(buf.length)).toBeNaN();
});

test('a varint does not run past the end given, though the buffer goes on', () => {
  expect(new VarintReader(Buffer.from([0x80, 0x01])).read(1)).toBeNaN();
});

function zigzag(number: bigint): Buffer {
  let rest = BigInt.asUintN(64, (number << 1n) ^ (number >> 63n));
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

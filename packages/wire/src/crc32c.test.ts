import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

test('the check value of CRC-32C, whole and in two parts', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('56789'), crc32c(Buffer.from('1234')))).toBe(0xe3069283);
});

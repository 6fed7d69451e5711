import { expect, test } from 'vitest';
import { CHECKSUMS, type ChecksumName, checksumOf } from './checksums.ts';

/** Of the text 123456789: the check values of the CRC catalogue; sums by hand. */
const CHECK_VALUES: Readonly<Record<ChecksumName, number>> = {
  xor: 0x31,
  sum8: 0xdd,
  lrc: 0x23,
  'crc16-modbus': 0x4b37,
  'crc16-arc': 0xbb3d,
  'crc16-ccitt': 0x29b1,
  'crc16-xmodem': 0x31c3,
  'crc16-kermit': 0x2189,
  'crc16-x25': 0x906e,
  crc32: 0xcbf43926,
};

test.each(Object.keys(CHECKSUMS) as ChecksumName[])('%s has the value that its catalogue names', (name) => {
  expect(checksumOf(name, Buffer.from('123456789'))).toBe(CHECK_VALUES[name]);
});

import { checksumOf } from '@edgelog/devices/framing/checksums.ts';

/** Frames of a known protocol whose checksum is right: proof of speed and protocol. */
export interface CheckedFrames {
  frames: number;
  /** Bytes that they cover. */
  bytes: number;
  /** The first ones, for people. */
  examples: string[];
}

const NMEA = /[$!]([\x20-\x7e]{5,90}?)\*([0-9A-Fa-f]{2})\r?\n/g;
const P1 = /\/[\x20-\x7e]{3,40}\r\n\r\n[\s\S]{10,8000}?\r\n!([0-9A-Fa-f]{1,4})\r\n/g;
const HEX_DIGITS = 16;

/** Sentences of NMEA 0183. */
export function nmeaFrames(bytes: Buffer): CheckedFrames {
  return textFrames(bytes, NMEA, (match) => checksumOf('xor', latin1(match[1]!)) === parseHex(match[2]!));
}

/** Telegrams of a smart meter's P1 port. */
export function p1Frames(bytes: Buffer): CheckedFrames {
  return textFrames(bytes, P1, ([telegram, crc]) => {
    const covered = telegram.slice(0, telegram.lastIndexOf('!') + 1);
    return checksumOf('crc16-arc', latin1(covered)) === parseHex(crc!);
  });
}

/** Long frames of M-Bus: 68 L L 68 … sum 16. */
export function mbusFrames(bytes: Buffer): CheckedFrames {
  return binaryFrames(bytes, (at) => {
    const length = bytes[at + 1] ?? 0;
    const size = length + 6;
    if (bytes[at] !== 0x68 || length < 3 || bytes[at + 2] !== length || bytes[at + 3] !== 0x68) return 0;
    if (bytes[at + size - 1] !== 0x16) return 0;
    const sum = checksumOf('sum8', bytes.subarray(at + 4, at + size - 2));
    return sum === bytes[at + size - 2] ? size : 0;
  });
}

/** Requests and answers of Modbus RTU, by the length that their function implies. */
export function modbusFrames(bytes: Buffer): CheckedFrames {
  return binaryFrames(bytes, (at) => {
    const [address, code, third] = [bytes[at]!, bytes[at + 1], bytes[at + 2]];
    if (address > 247 || code === undefined || third === undefined) return 0;
    return modbusSizes(code, third).find((size) => {
      if (at + size > bytes.length) return false;
      const crc = bytes.readUInt16LE(at + size - 2);
      return checksumOf('crc16-modbus', bytes.subarray(at, at + size - 2)) === crc;
    });
  });
}

function modbusSizes(code: number, third: number): number[] {
  if (code >= 1 && code <= 4) return [8, third + 5];
  if (code === 5 || code === 6) return [8];
  if (code === 15 || code === 16) return [8];
  return code > 0x80 && code <= 0x90 ? [5] : [];
}

function textFrames(
  bytes: Buffer,
  pattern: RegExp,
  isIntact: (match: RegExpExecArray) => boolean,
): CheckedFrames {
  const found: CheckedFrames = { frames: 0, bytes: 0, examples: [] };
  for (const match of bytes.toString('latin1').matchAll(pattern)) {
    if (isIntact(match)) add(found, match[0].length, match[0].split('\r\n')[0]!);
  }
  return found;
}

function binaryFrames(bytes: Buffer, sizeAt: (at: number) => number | undefined): CheckedFrames {
  const found: CheckedFrames = { frames: 0, bytes: 0, examples: [] };
  for (let at = 0; at < bytes.length; ) {
    const size = sizeAt(at) || 0;
    if (size > 0) add(found, size, bytes.subarray(at, at + Math.min(size, HEX_DIGITS)).toString('hex'));
    at += Math.max(1, size);
  }
  return found;
}

function add(found: CheckedFrames, bytes: number, example: string): void {
  found.frames += 1;
  found.bytes += bytes;
  if (found.examples.length < 3) found.examples.push(example);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function parseHex(digits: string): number {
  return Number.parseInt(digits, 16);
}

import { checksumOf } from '../../framing/checksums.ts';

/**
 * Modbus RTU frames: address, function, data, CRC low byte first [Modbus over Serial Line V1.02, section 2.5.1]; the
 * functions that read, 1 to 4 [Modbus Application Protocol V1.1b3, sections 6.1–6.4], and exceptions [section 7].
 */
export const READ_FUNCTIONS = { coil: 1, discrete: 2, holding: 3, input: 4 } as const;
export type RegisterTable = keyof typeof READ_FUNCTIONS;

/** Tables of single bits; the others hold registers of 16. */
export function isBitTable(table: RegisterTable): boolean {
  return table === 'coil' || table === 'discrete';
}

export interface ReadRequest {
  /** 1 … 247 */
  slave: number;
  table: RegisterTable;
  /** Counted from 0, as on the wire. */
  start: number;
  count: number;
}

export function encodeRequest({ slave, table, start, count }: ReadRequest): Buffer {
  const frame = Buffer.alloc(8);
  frame.writeUInt8(slave, 0);
  frame.writeUInt8(READ_FUNCTIONS[table], 1);
  frame.writeUInt16BE(start, 2);
  frame.writeUInt16BE(count, 4);
  return withCrc(frame.subarray(0, 6));
}

/** The bytes with their CRC behind them. */
export function withCrc(bytes: Uint8Array): Buffer {
  const frame = Buffer.alloc(bytes.length + 2);
  frame.set(bytes);
  frame.writeUInt16LE(checksumOf('crc16-modbus', frame.subarray(0, bytes.length)), bytes.length);
  return frame;
}

/** Whether the last two bytes are the CRC of those before them. */
export function hasGoodCrc(frame: Buffer): boolean {
  const end = frame.length - 2;
  return end > 0 && checksumOf('crc16-modbus', frame.subarray(0, end)) === frame.readUInt16LE(end);
}

/** Bytes of data in the answer. */
export function answerBytes({ table, count }: ReadRequest): number {
  return isBitTable(table) ? Math.ceil(count / 8) : count * 2;
}

export type Answer =
  /** `skipped`: bytes of noise in front of the frame. */
  | { kind: 'data'; data: Buffer; skipped: number }
  | { kind: 'exception'; code: number; skipped: number }
  /** Looks like the answer, but its CRC is wrong. */
  | { kind: 'damaged' }
  | { kind: 'incomplete' };

/**
 * Looks for the answer to a request in what has arrived. A transceiver that turns round often puts a byte or two in front,
 * so the frame may begin anywhere; only one with slave, function, length and CRC as they must be is taken.
 */
export function findAnswer(received: Buffer, request: ReadRequest): Answer {
  const code = READ_FUNCTIONS[request.table];
  const dataBytes = answerBytes(request);
  let isDamaged = false;
  for (let at = 0; at + 5 <= received.length; at++) {
    if (received[at] !== request.slave) continue;
    const isException = received[at + 1] === (code | 0x80);
    if (!isException && !(received[at + 1] === code && received[at + 2] === dataBytes)) continue;
    const end = at + (isException ? 5 : 3 + dataBytes + 2);
    if (end > received.length) continue;
    if (!hasGoodCrc(received.subarray(at, end))) {
      isDamaged = true;
      continue;
    }
    if (isException) return { kind: 'exception', code: received[at + 2]!, skipped: at };
    return { kind: 'data', data: received.subarray(at + 3, end - 2), skipped: at };
  }
  return { kind: isDamaged ? 'damaged' : 'incomplete' };
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'server device failure',
  5: 'acknowledge',
  6: 'server device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target device failed to respond',
};

/** Answered to a range that is too long, or has a hole: illegal data address, or illegal data value. */
export function isRangeRefused(code: number): boolean {
  return code === 2 || code === 3;
}

export function exceptionText(code: number): string {
  return `exception ${code} (${EXCEPTIONS[code] ?? 'unknown'})`;
}

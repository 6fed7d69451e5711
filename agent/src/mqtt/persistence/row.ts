import { createHash } from 'node:crypto';
import { crc32c } from '@edgelog/wire';

const CRC_BYTES = 4;
/** LMDB's keys end at 1,978 bytes; names may have 65,535. */
const NAME_BYTES_MAX = 1000;
const NAME_HEAD_BYTES = 900;
const QUEUE_NUMBER_BYTES = 4;
const QUEUE_KEY_BYTES = 1 + QUEUE_NUMBER_BYTES + 6 + 4;

/** First byte of a key. */
export const ROW = { handedOn: 'h', meta: 'm', queue: 'q', retained: 'r', session: 's', will: 'w' } as const;

export function asBuffer(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

export function asKey(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** The row's bytes as they are stored: behind them their CRC-32C, which covers the key. */
export function sealRow(key: string, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(value.length + CRC_BYTES);
  value.copy(bytes);
  bytes.writeUInt32BE(crc32c(value, crc32c(asBuffer(key))), value.length);
  return bytes;
}

/** What `sealRow` was given; undefined where the bytes are not what it made. */
export function openRow(key: string, bytes: Buffer): Buffer | undefined {
  if (bytes.length < CRC_BYTES) return undefined;
  const value = bytes.subarray(0, bytes.length - CRC_BYTES);
  return crc32c(value, crc32c(asBuffer(key))) === bytes.readUInt32BE(value.length) ? value : undefined;
}

/** The key of a topic or client id; what is too long for a key keeps its beginning and ends in its hash. */
export function namedKey(kind: string, name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES_MAX) return kind + asKey(bytes);
  return kind + asKey(bytes.subarray(0, NAME_HEAD_BYTES)) + createHash('sha256').update(bytes).digest('hex');
}

/** What `namedKey` was given; undefined where it was too long for a key. */
export function nameIn(key: string): string | undefined {
  const bytes = asBuffer(key.slice(1));
  return bytes.length > NAME_HEAD_BYTES ? undefined : bytes.toString();
}

/** From and to before which all names lie that begin with `prefix`. */
export function namesWith(kind: string, prefix: string): [start: string, end: string] {
  const start = kind + asKey(Buffer.from(prefix).subarray(0, NAME_HEAD_BYTES));
  return [start, `${start}\u00ff`];
}

/** The key of a queued message. Its size is in it, so that a queue is measured without reading messages. */
export function queueKey(queue: number, seq: number, sizeBytes: number): string {
  const bytes = Buffer.alloc(QUEUE_KEY_BYTES, ROW.queue);
  bytes.writeUInt32BE(queue, 1);
  bytes.writeUIntBE(seq, 1 + QUEUE_NUMBER_BYTES, 6);
  bytes.writeUInt32BE(sizeBytes, QUEUE_KEY_BYTES - 4);
  return asKey(bytes);
}

/** Where the messages of a queue begin from `seq` on, and where they end. */
export function queueRange(queue: number, seq = 0): [start: string, end: string] {
  return [queueKey(queue, seq, 0), queueKey(queue + 1, 0, 0)];
}

export function parseQueueKey(key: string): { queue: number; seq: number; sizeBytes: number } {
  const bytes = asBuffer(key);
  return {
    queue: bytes.readUInt32BE(1),
    seq: bytes.readUIntBE(1 + QUEUE_NUMBER_BYTES, 6),
    sizeBytes: bytes.readUInt32BE(QUEUE_KEY_BYTES - 4),
  };
}

import { EdgelogError } from '@edgelog/base';
import { decodeProducer, encodeProducer } from './rows.ts';
import type { ProducerState } from './types.ts';

/** Raised when the layout changes. */
const VERSION = 1;
const HEAD_BYTES = 5;
const ENTRY_BYTES = 12;
const LEAST_ROW_BYTES = 22;
const BATCH_ROW_BYTES = 28;

/** States of producers as they travel from a leader to its replicas: version u8 · count u32 · for each: producer id f64 · bytes u32 · row. */
export function encodeProducers(producers: Iterable<ProducerState>): Buffer {
  const parts: Buffer[] = [];
  let count = 0;
  for (const state of producers) {
    const row = encodeProducer(state);
    const entry = Buffer.allocUnsafe(ENTRY_BYTES);
    entry.writeDoubleBE(state.producerId, 0);
    entry.writeUInt32BE(row.length, 8);
    parts.push(entry, row);
    count++;
  }
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(VERSION, 0);
  head.writeUInt32BE(count, 1);
  return Buffer.concat([head, ...parts]);
}

/** What `encodeProducers` made. Throws CORRUPT_FRAME. */
export function decodeProducers(bytes: Buffer): ProducerState[] {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) {
    throw corrupt(`version ${bytes[0]} in ${bytes.length} bytes, only ${VERSION} is read`);
  }
  const producers: ProducerState[] = [];
  let at = HEAD_BYTES;
  for (let left = bytes.readUInt32BE(1); left > 0; left--) {
    const rowAt = at + ENTRY_BYTES;
    if (rowAt > bytes.length) throw corrupt(`it ends within the entry at byte ${at}`);
    const producerId = bytes.readDoubleBE(at);
    const rowBytes = bytes.readUInt32BE(at + 8);
    at = rowAt + rowBytes;
    const isWhole = at <= bytes.length && (rowBytes - LEAST_ROW_BYTES) % BATCH_ROW_BYTES === 0;
    if (!isWhole || rowBytes < LEAST_ROW_BYTES) throw corrupt(`a row of ${rowBytes} bytes at byte ${rowAt}`);
    if (!Number.isSafeInteger(producerId) || producerId < 0) throw corrupt(`producer id ${producerId}`);
    producers.push(decodeProducer(producerId, bytes.subarray(rowAt, at)));
  }
  if (at !== bytes.length) throw corrupt(`${bytes.length - at} bytes too many`);
  return producers;
}

function corrupt(what: string): EdgelogError {
  return new EdgelogError('CORRUPT_FRAME', `producer snapshot: ${what}`);
}

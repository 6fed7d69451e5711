import fc from 'fast-check';
import type { CompressionName, RecordHeader } from './../index.ts';
import { type NewRecord, RecordsEncoder, type SealOptions } from './records-encoder.ts';

/** What the tests of this folder share: batches to read, and arbitrary records. */
export const CODECS: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

export const BASE = { baseOffset: 4_294_967_299, baseTimestamp: 1_712_345_678_901 };

export const SEAL: SealOptions = {
  compression: 'none',
  producerId: 2 ** 52 + 12_345_678_901,
  producerEpoch: 0,
  baseSequence: 3,
};

export function encode(records: readonly NewRecord[], base = BASE): RecordsEncoder {
  const encoder = new RecordsEncoder(base);
  for (const record of records) encoder.append(record);
  return encoder;
}

/** A sealed batch of `count` readings of about 60 bytes, with key and headers. */
export function sampleBatch(compression: CompressionName, count = 3): Buffer {
  const readings = Array.from({ length: count }, (_, i) => ({
    timestamp: BASE.baseTimestamp + i,
    key: `plant/line/sensor-${i}`,
    value: Buffer.from(`{"temperature":${20 + i},"humidity":44.1}`),
    headers: [{ key: 'edgelog.gateway', value: Buffer.from('gw-1') }],
  }));
  return encode(readings).sealSync({ ...SEAL, compression });
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'binary', maxLength: 70 });
const header: fc.Arbitrary<RecordHeader> = fc.record({ key: text, value: fc.option(bytes) });

const record: fc.Arbitrary<NewRecord> = fc.record({
  timestamp: fc.oneof(
    fc.integer({ min: -10_000, max: 10_000 }).map((delta) => BASE.baseTimestamp + delta),
    fc.integer({ min: -1, max: 2 ** 51 }),
  ),
  key: fc.option(fc.oneof(bytes, text)),
  value: fc.option(bytes),
  headers: fc.array(header, { maxLength: 4 }),
});

export const records = fc.array(record, { minLength: 1, maxLength: 40 });

import { createRequire } from 'node:module';
import { createRecordsBatch, Reader, readRecordsBatch } from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import { readBatchHeader, verifyBatchCrc } from './read-header.ts';
import { iterateRecords } from './records-decoder.ts';
import { BASE, CODECS, encode, SEAL } from './test-batches.ts';

const require = createRequire(import.meta.url);

const READINGS = Array.from({ length: 500 }, (_, i) => ({
  timestamp: BASE.baseTimestamp + i * 977,
  key: Buffer.from(`anlage/süd/sensor-${i % 7}`),
  value: Buffer.from(`{"seq":${i},"temperature":21.5}`.repeat(i % 9)),
  headers: [{ key: 'edgelog.gateway', value: Buffer.from('gw-1') }],
}));

describe('kafkajs', () => {
  interface KafkajsRecord {
    offset: string;
    timestamp: string;
    key: Buffer | null;
    value: Buffer | null;
    headers: Record<string, Buffer>;
  }
  const Decoder = require('kafkajs/src/protocol/decoder');
  const decodeBatch: (decoder: unknown) => Promise<{ records: KafkajsRecord[]; producerId: string }> =
    require('kafkajs/src/protocol/recordBatch/v0/decoder');
  const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
  const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0');

  test.each(['none', 'gzip'] as const)('reads what we seal (%s)', async (compression) => {
    const batch = encode(READINGS).sealSync({ ...SEAL, compression });
    const { records, producerId } = await decodeBatch(new Decoder(batch));
    expect(producerId).toBe(String(SEAL.producerId));
    expect(
      records.map(({ offset, timestamp, key, value, headers }) => ({
        offset,
        timestamp,
        key,
        value,
        headers,
      })),
    ).toEqual(
      READINGS.map(({ timestamp, key, value }, i) => ({
        offset: String(BASE.baseOffset + i),
        timestamp: String(timestamp),
        key,
        value,
        headers: { 'edgelog.gateway': Buffer.from('gw-1') },
      })),
    );
  });

  test.each([
    ['none', 0],
    ['gzip', 1],
  ] as const)('writes what we read (%s)', async (compression, id) => {
    const { buffer } = await RecordBatch({
      compression: id,
      firstTimestamp: BASE.baseTimestamp,
      maxTimestamp: READINGS.at(-1)?.timestamp,
      lastOffsetDelta: READINGS.length - 1,
      records: READINGS.map(({ timestamp, key, value }, i) =>
        encodeRecord({
          offsetDelta: i,
          timestampDelta: timestamp - BASE.baseTimestamp,
          key,
          value,
          headers: { 'edgelog.gateway': 'gw-1' },
        }),
      ),
    });
    const header = readBatchHeader(buffer);
    expect(header).toMatchObject({ compression, producerId: -1, recordCount: READINGS.length });
    verifyBatchCrc(buffer, 0, header);
    expect([...iterateRecords(buffer)]).toEqual(READINGS.map((reading, offset) => ({ ...reading, offset })));
  });
});

describe('@platformatic/kafka', () => {
  /** Its snappy reads raw blocks only, hence no data of Java clients either. */
  const readable = CODECS.filter((codec) => codec !== 'snappy');

  test.each(readable)('reads what we seal (%s)', (compression) => {
    const batch = encode(READINGS).sealSync({ ...SEAL, compression });
    const { records, producerId } = readRecordsBatch(Reader.from(batch));
    expect(producerId).toBe(BigInt(SEAL.producerId));
    expect(records.map(({ key, value }) => ({ key, value }))).toEqual(
      READINGS.map(({ key, value }) => ({ key, value })),
    );
  });

  test.each(CODECS)('writes what we read (%s)', (compression) => {
    const messages = READINGS.map(({ timestamp, key, value }) => ({
      topic: 't',
      timestamp: BigInt(timestamp),
      key,
      value,
      headers: new Map([[Buffer.from('edgelog.gateway'), Buffer.from('gw-1')]]),
    }));
    const batch = createRecordsBatch(messages, { compression }).buffer;
    const header = readBatchHeader(batch);
    expect(header.compression).toBe(compression);
    verifyBatchCrc(batch, 0, header);
    expect([...iterateRecords(batch)]).toEqual(READINGS.map((reading, offset) => ({ ...reading, offset })));
  });
});

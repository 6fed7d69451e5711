import { describe, expect, test } from 'vitest';
import { emptyBatch, keepRecords } from './filter.ts';
import { readBatchHeader, verifyBatchCrc } from './read-header.ts';
import { iterateRecords, type RecordSpan, scanRecords } from './records-decoder.ts';
import { BASE, CODECS, encode, SEAL } from './test-batches.ts';

const RECORDS = Array.from({ length: 50 }, (_, i) => ({
  timestamp: BASE.baseTimestamp + ((i * 7) % 50),
  key: i % 10 === 3 ? null : Buffer.from(`k${i % 7}`),
  value: i % 5 === 0 ? null : Buffer.from('v'.repeat(i)),
  headers: i % 3 === 0 ? [{ key: 'unit', value: Buffer.from('°C') }] : [],
}));

describe.each(CODECS)('%s', (compression) => {
  const batch = encode(RECORDS).sealSync({ ...SEAL, compression });
  const header = readBatchHeader(batch);

  test('a scan shows what the records are made of', () => {
    const seen: unknown[] = [];
    scanRecords(batch, header, ({ section, offset, timestamp, keyFrom, keyTo, isTombstone }) => {
      const key = keyFrom < 0 ? null : section.subarray(keyFrom, keyTo);
      seen.push({ offset, timestamp, key: key?.toString(), isTombstone });
    });
    expect(seen).toEqual(
      Array.from(iterateRecords(batch), ({ offset, timestamp, key, value }) => ({
        offset,
        timestamp,
        key: key?.toString(),
        isTombstone: value === null,
      })),
    );
  });

  test('some records of a batch are a batch in the same place with the same sequence', async () => {
    const bytes: Buffer[] = [];
    let maxTimestamp = -1;
    const isKept = (offset: number) => (offset - BASE.baseOffset) % 4 === 1;
    scanRecords(batch, header, ({ section, from, to, offset, timestamp }: RecordSpan) => {
      if (!isKept(offset)) return;
      bytes.push(section.subarray(from, to));
      maxTimestamp = Math.max(maxTimestamp, timestamp);
    });
    const kept = await keepRecords(batch, header, { bytes, count: bytes.length, maxTimestamp });
    const after = readBatchHeader(kept);
    verifyBatchCrc(kept, 0, after);
    const { crc, sizeBytes } = after;
    expect(after).toEqual({ ...header, crc, sizeBytes, maxTimestamp, recordCount: bytes.length });
    expect([...iterateRecords(kept)]).toEqual(
      [...iterateRecords(batch)].filter(({ offset }) => isKept(offset)),
    );
  });
});

test('an empty batch is a valid one that has offsets and no record', () => {
  const batch = emptyBatch(2 ** 40, 2 ** 40 + 2 ** 31, 5);
  const header = readBatchHeader(batch);
  verifyBatchCrc(batch, 0, header);
  expect(header).toMatchObject({
    lastOffset: 2 ** 40 + 2 ** 31 - 1,
    recordCount: 0,
    partitionLeaderEpoch: 5,
  });
  expect([...iterateRecords(batch)]).toEqual([]);
});

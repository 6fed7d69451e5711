import { EdgelogError } from '@edgelog/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decompressRecords } from '../compression/index.ts';
import { BATCH_HEADER_BYTES } from './header.ts';
import { readBatchHeader, verifyBatchCrc } from './read-header.ts';
import type { BatchRecord } from './record.ts';
import { iterateRecords } from './records-decoder.ts';
import { type NewRecord, RecordsEncoder } from './records-encoder.ts';
import { BASE, CODECS, encode, records, SEAL, sampleBatch } from './test-batches.ts';

describe('round trip', () => {
  test.each(CODECS)('records come out as they went in (%s)', async (compression) => {
    await fc.assert(
      fc.asyncProperty(records, async (input) => {
        const encoder = encode(input);
        const batch = await encoder.seal({ ...SEAL, compression });
        const header = readBatchHeader(batch);
        verifyBatchCrc(batch, 0, header);
        expect(header.maxTimestamp).toBe(Math.max(...input.map(({ timestamp }) => timestamp)));
        expect([...iterateRecords(batch)]).toEqual(input.map(asRead));
        expect(encoder.sealSync({ ...SEAL, compression })).toEqual(batch);
      }),
      { numRuns: 60 },
    );
  });

  test('bytes added are told, and slices restored elsewhere give the same batch', () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 4 }), (chunks) => {
        const whole = new RecordsEncoder(BASE);
        const restored = new RecordsEncoder(BASE);
        for (const chunk of chunks) {
          const from = whole.sizeBytes;
          let added = 0;
          for (const record of chunk) added += whole.append(record);
          expect(whole.sizeBytes - from).toBe(added);
          restored.restore(
            whole.slice(from),
            chunk.length,
            Math.max(...chunk.map(({ timestamp }) => timestamp)),
          );
        }
        expect(restored.count).toBe(whole.count);
        expect(restored.maxTimestamp).toBe(whole.maxTimestamp);
        expect(restored.sealSync(SEAL)).toEqual(whole.sealSync(SEAL));
      }),
      { numRuns: 50 },
    );
  });

  test('values at the borders of a longer record length come out whole', () => {
    for (const border of [2 ** 6, 2 ** 13, 2 ** 20]) {
      const input = Array.from({ length: 24 }, (_, i) => ({
        timestamp: BASE.baseTimestamp,
        key: i % 2 ? 'ключ' : 'key',
        value: Buffer.alloc(border - 20 + i, i),
      }));
      for (const { offset, key, value } of iterateRecords(encode(input).sealSync(SEAL))) {
        const expected = input[offset - BASE.baseOffset]!;
        expect(key?.toString()).toBe(expected.key);
        expect(value?.equals(expected.value)).toBe(true);
      }
    }
  });

  test('records appended while a seal still compresses are not in that batch', async () => {
    const encoder = encode([{ timestamp: BASE.baseTimestamp, key: null, value: Buffer.alloc(100_000, 1) }]);
    const sealing = encoder.seal({ ...SEAL, compression: 'zstd' });
    for (let i = 0; i < 100; i++) {
      encoder.append({ timestamp: BASE.baseTimestamp, key: null, value: Buffer.alloc(10_000, 2) });
    }
    const [first, ...others] = [...iterateRecords(await sealing)];
    expect(others).toEqual([]);
    expect(first?.value?.equals(Buffer.alloc(100_000, 1))).toBe(true);
  });

  test('with append time every record carries the batch’s own', () => {
    const batch = sampleBatch('none');
    batch.writeInt16BE(0x08, 21);
    const times = [...iterateRecords(batch)].map(({ timestamp }) => timestamp);
    expect(times).toEqual(Array(3).fill(BASE.baseTimestamp + 2));
  });
});

describe('hostile bytes give a clear error and nothing else', () => {
  test.each(CODECS)('a records section cut at any byte (%s)', (compression) => {
    const whole = sampleBatch(compression, 8);
    for (let size = BATCH_HEADER_BYTES; size < whole.length; size++) {
      const cut = Buffer.from(whole.subarray(0, size));
      cut.writeInt32BE(size - 12, 8);
      expect(() => [...iterateRecords(cut)], `${size} of ${whole.length} bytes`).toThrow(EdgelogError);
    }
  });

  test.each(CODECS)('any bit flipped behind the CRC’s back (%s)', (compression) => {
    const whole = sampleBatch(compression, 4);
    for (let bit = 8 * 8; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      readAll(flipped);
    }
  });

  test.each(CODECS)('bytes drawn at random (%s)', (compression) => {
    const id = CODECS.indexOf(compression);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        (bytes, count) => {
          const batch = Buffer.concat([sampleBatch('none').subarray(0, BATCH_HEADER_BYTES), bytes]);
          batch.writeInt32BE(batch.length - 12, 8);
          batch.writeInt16BE(id, 21);
          batch.writeInt32BE(count, 57);
          readAll(batch);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('the message names the record and the byte', () => {
    const bare = { timestamp: BASE.baseTimestamp, key: null, value: null };
    const batch = encode([bare, bare]).sealSync(SEAL);
    batch[BATCH_HEADER_BYTES + 7 + 4] = 0x7e; // the second record's key length, 63
    expect(() => [...iterateRecords(batch)]).toThrow(
      'record 1 of the batch at offset 4294967299: key length 63, at byte 12 of its records',
    );
  });

  test('a record with more headers than anybody means, which would fill the memory', () => {
    const withHeaders = (count: number) =>
      encode([
        { timestamp: 0, key: null, value: null, headers: new Array(count).fill({ key: '', value: null }) },
      ]).sealSync({ ...SEAL, compression: 'zstd' });
    expect([...iterateRecords(withHeaders(100_000))][0]!.headers).toHaveLength(100_000);
    expect(() => [...iterateRecords(withHeaders(100_001))]).toThrow(/header count 100001, at most 100000/);
  });

  test('a record count above and below what is there', () => {
    for (const [count, message] of [
      [4, /record 3 .*unreadable length/],
      [2 ** 31 - 1, /record 3 .*unreadable length/],
      [2, /bytes after the last of 2 records/],
    ] as const) {
      const batch = sampleBatch('none');
      batch.writeInt32BE(count, 57);
      expect(() => [...iterateRecords(batch)]).toThrow(message);
    }
  });

  test('records are decoded one by one, so what is sound before the damage is given', () => {
    const batch = sampleBatch('none');
    batch.writeInt32BE(4, 57);
    const records = iterateRecords(batch);
    expect(records.next().value?.offset).toBe(BASE.baseOffset);
  });

  test.each(CODECS.filter((codec) => codec !== 'none'))(
    'a small batch that would fill the memory (%s)',
    (compression) => {
      const bomb = encode([{ timestamp: BASE.baseTimestamp, key: null, value: Buffer.alloc(3_000_000) }]);
      const batch = bomb.sealSync({ ...SEAL, compression });
      expect(() => [...iterateRecords(batch, 2_900_000)]).toThrow(
        expect.objectContaining({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('2900000') }),
      );
      const section = decompressRecords(compression, batch.subarray(BATCH_HEADER_BYTES), 3_200_000);
      expect(section.length).toBe(bomb.sizeBytes);
    },
  );
});

/** Passing means: an end or an EdgelogError, no other exception. */
function readAll(batch: Buffer): void {
  try {
    for (const record of iterateRecords(batch, 1_000_000)) void record;
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    expect(['CORRUPT_BATCH', 'LIMIT_EXCEEDED']).toContain(error.code);
  }
}

function asRead({ timestamp, key, value, headers }: NewRecord, index: number): BatchRecord {
  return {
    offset: BASE.baseOffset + index,
    timestamp,
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value,
    headers: (headers ?? []).map((header) => ({ ...header, key: Buffer.from(header.key).toString() })),
  };
}

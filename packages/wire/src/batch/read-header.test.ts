import type { EdgelogError } from '@edgelog/base';
import { describe, expect, test } from 'vitest';
import { BATCH_HEADER_BYTES } from './header.ts';
import { iterateBatches, readBatchHeader, verifyBatchCrc } from './read-header.ts';
import { BASE, CODECS, SEAL, sampleBatch } from './test-batches.ts';

test.each(CODECS)('the header of a sealed batch says what it was sealed with (%s)', (compression) => {
  const batch = sampleBatch(compression, 3);
  const header = readBatchHeader(batch);
  expect(header).toMatchObject({
    baseOffset: BASE.baseOffset,
    lastOffset: BASE.baseOffset + 2,
    sizeBytes: batch.length,
    partitionLeaderEpoch: -1,
    compression,
    timestampType: 'create',
    isTransactional: false,
    isControl: false,
    lastOffsetDelta: 2,
    baseTimestamp: BASE.baseTimestamp,
    maxTimestamp: BASE.baseTimestamp + 2,
    producerId: SEAL.producerId,
    producerEpoch: 0,
    baseSequence: SEAL.baseSequence,
    recordCount: 3,
  });
  verifyBatchCrc(batch, 0, header);
});

test('the attributes tell append time, transactional and control apart', () => {
  const batch = sampleBatch('lz4');
  batch.writeInt16BE(0x38 | 3, 21);
  expect(readBatchHeader(batch)).toMatchObject({
    compression: 'lz4',
    timestampType: 'append',
    isTransactional: true,
    isControl: true,
  });
});

test('batches that lie back to back are walked in turn', () => {
  const batches = CODECS.map((codec) => sampleBatch(codec));
  const found = [...iterateBatches(Buffer.concat(batches))];
  expect(found.map(({ header }) => header.compression)).toEqual(CODECS);
  expect(found[1]?.at).toBe(batches[0]?.length);
});

test('a batch cut at any byte is refused, and so is one whose follower is cut', () => {
  const batch = sampleBatch('none');
  for (let length = 0; length < batch.length; length++) {
    expectCorrupt(() => readBatchHeader(batch.subarray(0, length)));
    const pair = Buffer.concat([batch, batch.subarray(0, length)]);
    if (length > 0) expectCorrupt(() => [...iterateBatches(pair)]);
  }
});

test('any bit flipped under the CRC is found', () => {
  const batch = sampleBatch('zstd');
  const { crc, sizeBytes } = readBatchHeader(batch);
  const header = { ...readBatchHeader(batch), crc, sizeBytes };
  for (let bit = 21 * 8; bit < batch.length * 8; bit++) {
    const bad = Buffer.from(batch);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    expectCorrupt(() => verifyBatchCrc(bad, 0, header));
  }
});

describe('implausible header fields are named with their byte', () => {
  test.each<[string, (batch: Buffer) => void, RegExp]>([
    ['magic 1', (batch) => batch.writeInt8(1, 16), /magic 1 .* at byte 16/],
    ['a length below the header', (batch) => batch.writeInt32BE(48, 8), /batch length 48 .* at byte 8/],
    ['a negative length', (batch) => batch.writeInt32BE(-1, 8), /batch length -1 .* at byte 8/],
    [
      'a length past the end',
      (batch) => batch.writeInt32BE(2 ** 31 - 1, 8),
      /batch length 2147483647 but only/,
    ],
    ['an unknown codec', (batch) => batch.writeInt16BE(5, 21), /unknown compression codec 5, at byte 21/],
    [
      'a negative record count',
      (batch) => batch.writeInt32BE(-1, 57),
      /negative record count -1, at byte 57/,
    ],
    [
      'a negative last offset',
      (batch) => batch.writeInt32BE(-9, 23),
      /negative last offset delta -9, at byte 23/,
    ],
    [
      'a timestamp of 64 bits',
      (batch) => batch.writeBigInt64BE(2n ** 60n, 27),
      /base timestamp 1152921504606846976/,
    ],
    [
      'a producer id of 64 bits',
      (batch) => batch.writeBigInt64BE(-(2n ** 60n), 43),
      /producer id -1152921504606846976/,
    ],
    ['an offset of 64 bits', (batch) => batch.writeBigInt64BE(2n ** 53n, 0), /base offset 9007199254740992/],
  ])('%s', (_, spoil, message) => {
    const batch = sampleBatch('none');
    spoil(batch);
    expectCorrupt(() => readBatchHeader(batch), message);
  });
});

test('a batch of no records, as compaction leaves it, is readable', () => {
  const batch = sampleBatch('none').subarray(0, BATCH_HEADER_BYTES);
  batch.writeInt32BE(BATCH_HEADER_BYTES - 12, 8);
  batch.writeInt32BE(0, 57);
  expect(readBatchHeader(batch)).toMatchObject({ recordCount: 0, lastOffset: BASE.baseOffset + 2 });
});

function expectCorrupt(read: () => unknown, message = /at byte \d+/): void {
  expect(read).toThrow(message);
  try {
    read();
  } catch (error) {
    expect((error as EdgelogError).code).toBe('CORRUPT_BATCH');
  }
}

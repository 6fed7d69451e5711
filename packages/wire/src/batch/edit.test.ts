import { expect, test } from 'vitest';
import { patchBatchOffset, restampProducer } from './edit.ts';
import { readBatchHeader, verifyBatchCrc } from './read-header.ts';
import { iterateRecords } from './records-decoder.ts';
import { sampleBatch } from './test-batches.ts';

test('a new base offset and leader epoch leave every other byte and the CRC valid', () => {
  const before = sampleBatch('zstd');
  const after = Buffer.concat([Buffer.alloc(7), before]);
  patchBatchOffset(after, 7, 2 ** 40 + 5, 9);
  const header = readBatchHeader(after, 7);
  expect(header).toMatchObject({ baseOffset: 2 ** 40 + 5, partitionLeaderEpoch: 9 });
  verifyBatchCrc(after, 7, header);
  expect(after.subarray(7 + 16)).toEqual(before.subarray(16));
  expect([...iterateRecords(after.subarray(7))].map(({ offset }) => offset - 2 ** 40)).toEqual([5, 6, 7]);
});

test('a batch under another producer id is a valid copy with the same records', () => {
  const before = sampleBatch('lz4');
  const original = Buffer.from(before);
  const after = restampProducer(before, 2 ** 52 + 1);
  const { crc, producerId, ...same } = readBatchHeader(after);
  expect(producerId).toBe(2 ** 52 + 1);
  expect(crc).not.toBe(readBatchHeader(before).crc);
  expect(readBatchHeader(before)).toMatchObject(same);
  verifyBatchCrc(after, 0, readBatchHeader(after));
  expect(after.subarray(61)).toEqual(before.subarray(61));
  expect(before).toEqual(original);
});

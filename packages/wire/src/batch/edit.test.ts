import { expect, test } from 'vitest';
import { patchBatchOffset, restampProducer, stampAppendTime } from './edit.ts';
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

test("a batch under the broker's time stays valid, and all its records have that time", () => {
  const batch = sampleBatch('gzip');
  const { crc, ...before } = readBatchHeader(batch);
  stampAppendTime(batch, 1_800_000_000_123);
  const after = readBatchHeader(batch);
  const stamped = {
    attributes: before.attributes | 8,
    timestampType: 'append',
    maxTimestamp: 1_800_000_000_123,
  };
  expect(after).toEqual({ ...before, ...stamped, crc: after.crc });
  expect(after.crc).not.toBe(crc);
  verifyBatchCrc(batch, 0, after);
  expect(new Set(Array.from(iterateRecords(batch), (record) => record.timestamp))).toEqual(
    new Set([1_800_000_000_123]),
  );
  batch[70]! ^= 1;
  expect(() => stampAppendTime(batch, 1)).toThrow(/CRC/);
});

import {
  RecordsEncoder,
  readBatchHeader,
  SEQUENCE_MODULUS,
  sequenceOf,
  stampAppendTime,
} from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastSequenceOf, nextAfter, offsetNear, sealedCrc } from './position.ts';

const offset = fc.integer({ min: 0, max: 2 ** 50 });
/** At 2^30 there are two that are equally near. */
const distance = fc.integer({ min: 1 - 2 ** 30, max: 2 ** 30 - 1 });

test('a sequence and an offset less than 2^30 away tell the offset', () => {
  fc.assert(
    fc.property(offset, distance, (at, away) => {
      expect(offsetNear(sequenceOf(at), Math.max(0, at + away))).toBe(at);
      expect(nextAfter(sequenceOf(at), Math.max(0, at + away))).toBe(at + 1);
    }),
  );
});

test('the gateway’s CRC is computed back from what a topic with LogAppendTime made of the batch', () => {
  const record = fc.record({
    age: fc.integer({ min: 0, max: 10_000 }),
    value: fc.uint8Array({ maxLength: 20 }),
  });
  const codec = fc.constantFrom('none', 'zstd', 'gzip', 'lz4', 'snappy');
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), codec, (records, compression) => {
      const base = 1_700_000_000_000;
      const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: base });
      for (const { age, value } of records) {
        encoder.append({ timestamp: base - age, key: null, value: Buffer.from(value) });
      }
      const baseSequence = SEQUENCE_MODULUS - 2;
      const batch = encoder.sealSync({ compression, producerId: 2 ** 52, producerEpoch: 0, baseSequence });
      const { crc } = readBatchHeader(batch);
      expect(sealedCrc(batch, readBatchHeader(batch))).toBe(crc);
      stampAppendTime(batch, base + 999_999);
      const stored = readBatchHeader(batch);
      expect(stored.crc).not.toBe(crc);
      expect(sealedCrc(batch, stored)).toBe(crc);
      expect(lastSequenceOf(stored)).toBe((baseSequence + records.length - 1) % SEQUENCE_MODULUS);
    }),
  );
});

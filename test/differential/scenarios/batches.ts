import { crc32c } from '@edgelog/wire';
import { batchOf } from '../../../hub/test/support/batches.ts';

/** Positions in a batch's header. */
export const AT = {
  length: 8,
  epoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastDelta: 23,
  firstTime: 27,
  maxTime: 35,
  producerId: 43,
  producerEpoch: 51,
  sequence: 53,
  count: 57,
};

/** A batch of two records, changed under a CRC that is right again. */
export function changed(
  change: (batch: Buffer) => void,
  options: Parameters<typeof batchOf>[1] = {},
): Buffer {
  const batch = Buffer.from(batchOf(['one', 'two'], { timestamp: Date.now(), ...options }));
  change(batch);
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.crc);
  return batch;
}

export const plain = () => changed(() => {});

/** A record's bytes put in the place of those of a batch's records. */
function withRecords(records: Buffer, count: number, attributes = 0): Buffer {
  const header = Buffer.from(plain().subarray(0, 61));
  const batch = Buffer.concat([header, records]);
  batch.writeInt32BE(batch.length - 12, AT.length);
  batch.writeInt16BE(attributes, AT.attributes);
  batch.writeInt32BE(count, AT.count);
  batch.writeInt32BE(count - 1, AT.lastDelta);
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.crc);
  return batch;
}

/** Old format: one message of 14 bytes of header, a key and a value. */
function message(magic: 0 | 1): Buffer {
  const value = Buffer.from('old');
  const body = Buffer.alloc(magic === 0 ? 14 : 22);
  body.writeInt8(magic, 4);
  const fields = Buffer.concat([
    body.subarray(0, magic === 0 ? 6 : 14),
    Buffer.from([255, 255, 255, 255, 0, 0, 0, 3]),
    value,
  ]);
  const whole = Buffer.alloc(12 + fields.length);
  whole.writeInt32BE(fields.length, 8);
  fields.copy(whole, 12);
  return whole;
}

/** Name → the records section of a produce request. */
export const RECORDS: Readonly<Record<string, () => Buffer | null>> = {
  'one batch': plain,
  'no records': () => Buffer.alloc(0),
  'two batches': () => Buffer.concat([plain(), plain()]),
  'a batch and a byte': () => Buffer.concat([plain(), Buffer.from([0])]),
  'a batch and a half': () => Buffer.concat([plain(), plain().subarray(0, 70)]),
  'half a batch': () => plain().subarray(0, 65),
  'half a header': () => plain().subarray(0, 40),
  'ten bytes': () => Buffer.alloc(10),
  'old format 0': () => message(0),
  'old format 1': () => message(1),
  'format 3': () => changed((batch) => batch.writeInt8(3, AT.magic)),
  'format -1': () => changed((batch) => batch.writeInt8(-1, AT.magic)),
  'wrong CRC': () => {
    const batch = plain();
    batch.writeUInt32BE(1, AT.crc);
    return batch;
  },
  'control flag': () => changed((batch) => batch.writeInt16BE(0x20, AT.attributes)),
  'transactional flag': () => changed((batch) => batch.writeInt16BE(0x10, AT.attributes)),
  'transactional flag with a producer': () =>
    changed((batch) => batch.writeInt16BE(0x10, AT.attributes), {
      producerId: 5,
      producerEpoch: 0,
      baseSequence: 0,
    }),
  'append time flag': () => changed((batch) => batch.writeInt16BE(0x08, AT.attributes)),
  'delete horizon flag': () => changed((batch) => batch.writeInt16BE(0x40, AT.attributes)),
  'unknown flags': () => changed((batch) => batch.writeInt16BE(0x7f80, AT.attributes)),
  'codec 5': () => changed((batch) => batch.writeInt16BE(5, AT.attributes)),
  'codec 7': () => changed((batch) => batch.writeInt16BE(7, AT.attributes)),
  'gzip flag on plain records': () => changed((batch) => batch.writeInt16BE(1, AT.attributes)),
  'zstd flag on plain records': () => changed((batch) => batch.writeInt16BE(4, AT.attributes)),
  gzip: () => changed(() => {}, { compression: 'gzip' }),
  snappy: () => changed(() => {}, { compression: 'snappy' }),
  lz4: () => changed(() => {}, { compression: 'lz4' }),
  zstd: () => changed(() => {}, { compression: 'zstd' }),
  'base offset 7': () => changed((batch) => batch.writeBigInt64BE(7n, 0)),
  'base offset -1': () => changed((batch) => batch.writeBigInt64BE(-1n, 0)),
  'leader epoch 9': () => changed((batch) => batch.writeInt32BE(9, AT.epoch)),
  'count 3 of 2': () => changed((batch) => batch.writeInt32BE(3, AT.count)),
  'count 1 of 2': () => changed((batch) => batch.writeInt32BE(1, AT.count)),
  'count 0': () => changed((batch) => batch.writeInt32BE(0, AT.count)),
  'count -1': () => changed((batch) => batch.writeInt32BE(-1, AT.count)),
  'last delta 5 of 2': () => changed((batch) => batch.writeInt32BE(5, AT.lastDelta)),
  'last delta 0 of 2': () => changed((batch) => batch.writeInt32BE(0, AT.lastDelta)),
  'last delta -1': () => changed((batch) => batch.writeInt32BE(-1, AT.lastDelta)),
  'count and last delta say 3 of 2': () =>
    changed((batch) => {
      batch.writeInt32BE(3, AT.count);
      batch.writeInt32BE(2, AT.lastDelta);
    }),
  'count and last delta say 1 of 2': () =>
    changed((batch) => {
      batch.writeInt32BE(1, AT.count);
      batch.writeInt32BE(0, AT.lastDelta);
    }),
  'no record and count 0': () => withRecords(Buffer.alloc(0), 0),
  'rubbish for records': () => withRecords(Buffer.from('rubbish, not records'), 2),
  'batch length negative': () => changed((batch) => batch.writeInt32BE(-5, AT.length)),
  'batch length 10': () => changed((batch) => batch.writeInt32BE(10, AT.length)),
  'batch length 2 GB': () => changed((batch) => batch.writeInt32BE(2 ** 31 - 1, AT.length)),
  'timestamps -1': () =>
    changed((batch) => {
      batch.writeBigInt64BE(-1n, AT.firstTime);
      batch.writeBigInt64BE(-1n, AT.maxTime);
    }),
  'timestamps -2': () =>
    changed((batch) => {
      batch.writeBigInt64BE(-2n, AT.firstTime);
      batch.writeBigInt64BE(-2n, AT.maxTime);
    }),
  'timestamp 0': () => changed(() => {}, { timestamp: 0 }),
  'timestamp of long ago': () => changed(() => {}, { timestamp: 1_000_000_000_000 }),
  'timestamp in half an hour': () => changed(() => {}, { timestamp: Date.now() + 1_800_000 }),
  'timestamp of tomorrow': () => changed(() => {}, { timestamp: Date.now() + 86_400_000 }),
  'max timestamp wrong': () => changed((batch) => batch.writeBigInt64BE(5n, AT.maxTime)),
  'producer without epoch': () => changed((batch) => batch.writeBigInt64BE(7_001n, AT.producerId)),
  'producer with negative sequence': () =>
    changed(() => {}, { producerId: 7_002, producerEpoch: 0, baseSequence: -1 }),
  'producer with negative epoch': () =>
    changed(() => {}, { producerId: 7_003, producerEpoch: -1, baseSequence: 0 }),
  'producer -2': () => changed((batch) => batch.writeBigInt64BE(-2n, AT.producerId)),
  'sequence without producer': () => changed(() => {}, { producerId: -1, producerEpoch: 0, baseSequence: 5 }),
};

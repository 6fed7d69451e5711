import { iterateRecords, RecordsEncoder, sequenceOf } from '@edgelog/wire';

/** A sealed batch in which every record's value is its number: the checker knows each record by it. */
export function sealBatch(o: {
  producerId: number;
  baseOffset: number;
  records: readonly number[];
  time: number;
  paddingBytes?: number;
}): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: o.baseOffset, baseTimestamp: o.time });
  for (const record of o.records) {
    const value = Buffer.alloc(8 + (o.paddingBytes ?? 0));
    value.writeDoubleBE(record);
    encoder.append({ timestamp: o.time, key: null, value });
  }
  return encoder.sealSync({
    compression: 'none',
    producerId: o.producerId,
    producerEpoch: 0,
    baseSequence: sequenceOf(o.baseOffset),
  });
}

/** The numbers in a batch made by `sealBatch`. */
export function recordsIn(batch: Buffer): number[] {
  return [...iterateRecords(batch)].map((record) => record.value!.readDoubleBE());
}

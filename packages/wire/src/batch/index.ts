export { patchBatchOffset, restampProducer, stampAppendTime } from './edit.ts';
export { emptyBatch, type KeptRecords, keepRecords } from './filter.ts';
export { BATCH_HEADER_BYTES, type BatchHeader, type CompressionName } from './header.ts';
export { iterateBatches, readBatchHeader, verifyBatchCrc } from './read-header.ts';
export type { BatchRecord, RecordHeader } from './record.ts';
export { iterateRecords, type RecordSpan, scanRecords } from './records-decoder.ts';
export { type NewRecord, RecordsEncoder, type SealOptions } from './records-encoder.ts';
export { isReservedProducerId, RESERVED_PRODUCER_ID_MIN, SEQUENCE_MODULUS, sequenceOf } from './sequence.ts';

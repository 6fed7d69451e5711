import { BATCH_HEADER_BYTES, type BatchHeader, DECOMPRESSED_BYTES_MAX, verifyBatchCrc } from '@edgelog/wire';
import type { AppendError, AppendOptions } from './types.ts';

/** Why a batch is not appended: Kafka's error name and what is wrong. */
export interface Refusal {
  error: AppendError;
  message: string;
}

/** lmdb-js hands out values above 16 MiB in another way. Brokers and gateways set their own, lower bounds. */
export const BATCH_BYTES_MAX = 15 * 2 ** 20;

/** Lengths of record, key and value, attributes, two deltas and the header count: a byte each. */
const RECORD_BYTES_MIN = 7;

/** What is wrong with a batch itself, whatever its producer did before; undefined when nothing is. */
export function batchFault(
  batch: Buffer,
  header: BatchHeader,
  options: AppendOptions,
  logEndOffset: number,
): Refusal | undefined {
  if (batch.length !== header.sizeBytes) {
    return invalid(`exactly one batch of ${header.sizeBytes} bytes expected, ${batch.length} given`);
  }
  if (batch.length > BATCH_BYTES_MAX) {
    return invalid(`a batch of ${batch.length} bytes, at most ${BATCH_BYTES_MAX} are taken`);
  }
  const fault = options.offsets === 'assign' ? clientFault(header) : verbatimFault(header, logEndOffset);
  if (fault !== undefined || options.checkCrc === false) return fault;
  try {
    verifyBatchCrc(batch, 0, header);
  } catch (error) {
    return { error: 'CORRUPT_MESSAGE', message: (error as Error).message };
  }
  return undefined;
}

function clientFault(header: BatchHeader): Refusal | undefined {
  if (header.recordCount !== header.lastOffsetDelta + 1) {
    return invalid(`${header.recordCount} records over ${header.lastOffsetDelta + 1} offsets`);
  }
  const recordBytesMax =
    header.compression === 'none' ? header.sizeBytes - BATCH_HEADER_BYTES : DECOMPRESSED_BYTES_MAX;
  if (header.recordCount * RECORD_BYTES_MIN > recordBytesMax) {
    return invalid(`${header.recordCount} records in at most ${recordBytesMax} bytes`);
  }
  if (header.isControl) return invalid('a client may not write control batches');
  if (header.producerId >= 0 && (header.baseSequence < 0 || header.producerEpoch < 0)) {
    return invalid(`sequence ${header.baseSequence}, epoch ${header.producerEpoch} with a producer id`);
  }
  return undefined;
}

function verbatimFault(header: BatchHeader, logEndOffset: number): Refusal | undefined {
  if (header.baseOffset === logEndOffset) return undefined;
  return invalid(`a batch at offset ${header.baseOffset} where the log ends at ${logEndOffset}`);
}

function invalid(message: string): Refusal {
  return { error: 'INVALID_RECORD', message };
}

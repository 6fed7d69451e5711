import {
  type BatchHeader,
  patchBatchOffset,
  RecordsEncoder,
  readBatchHeader,
  sequenceOf,
} from '@edgelog/wire';

export const RESERVED_PID = 2 ** 52 + 77;

export interface TestBatch {
  baseOffset?: number;
  count?: number;
  producerId?: number;
  producerEpoch?: number;
  baseSequence?: number;
  timestamp?: number;
  valueBytes?: number;
}

export interface TestBatchParts {
  batch: Buffer;
  header: BatchHeader;
}

/** A sealed, uncompressed batch and its header; sequence = offset as on a gateway unless told otherwise. */
export function makeBatch(options: TestBatch = {}): TestBatchParts {
  const {
    baseOffset = 0,
    count = 1,
    producerId = -1,
    timestamp = 1_700_000_000_000,
    valueBytes = 20,
  } = options;
  const encoder = new RecordsEncoder({ baseOffset, baseTimestamp: timestamp });
  for (let i = 0; i < count; i++) {
    encoder.append({ timestamp: timestamp + i, key: null, value: Buffer.alloc(valueBytes, i) });
  }
  const batch = encoder.sealSync({
    compression: 'none',
    producerId,
    producerEpoch: options.producerEpoch ?? (producerId < 0 ? -1 : 0),
    baseSequence: options.baseSequence ?? (producerId < 0 ? -1 : sequenceOf(baseOffset)),
  });
  return { batch, header: readBatchHeader(batch) };
}

/** Batches as a follower fetches them, back to back from `baseOffset` on. */
export function makeReplicated(
  baseOffset: number,
  leaderEpoch: number,
  batches: readonly Omit<TestBatch, 'baseOffset'>[],
): Buffer {
  let at = baseOffset;
  const parts = batches.map((options) => {
    const { batch, header } = makeBatch(options);
    patchBatchOffset(batch, 0, at, leaderEpoch);
    at += header.lastOffsetDelta + 1;
    return batch;
  });
  return Buffer.concat(parts);
}

import { EdgelogError } from '@edgelog/base';
import { type BatchHeader, emptyBatch, iterateBatches, readBatchHeader, verifyBatchCrc } from '@edgelog/wire';
import { BATCH_BYTES_MAX, type Refusal } from './batch-fault.ts';

/** A batch and where it goes. */
export interface PlacedBatch {
  readonly batch: Buffer;
  readonly header: BatchHeader;
}

export interface PlacedBatches {
  readonly placed: readonly PlacedBatch[];
  readonly recordCount: number;
  /** Empty batches were among them, or a gap. */
  readonly hasHoles: boolean;
}

/** What one empty batch can cover. */
const HOLE_MAX = 2 ** 31;

/** The batches of a leader's log that lie back to back in `bytes`, checked, such that they continue a log with these ends without a gap. */
export function placeReplicated(
  bytes: Buffer,
  log: { readonly logStartOffset: number; readonly logEndOffset: number },
): PlacedBatches | Refusal {
  const placed: PlacedBatch[] = [];
  let endOffset = log.logEndOffset;
  let recordCount = 0;
  let hasHoles = false;
  const place = (batch: Buffer, header: BatchHeader) => {
    placed.push({ batch, header });
    endOffset = header.lastOffset + 1;
    recordCount += header.recordCount;
    hasHoles ||= header.recordCount === 0;
  };
  const fillTo = (offset: number, leaderEpoch: number) => {
    while (endOffset < offset) {
      const filler = emptyBatch(endOffset, Math.min(offset, endOffset + HOLE_MAX), leaderEpoch);
      place(filler, readBatchHeader(filler));
    }
  };
  try {
    for (const { at, header } of iterateBatches(bytes)) {
      const { baseOffset, lastOffset, sizeBytes, partitionLeaderEpoch } = header;
      verifyBatchCrc(bytes, at, header);
      if (sizeBytes > BATCH_BYTES_MAX) return misplaced(header, `has ${sizeBytes} bytes`);
      if (lastOffset < endOffset) return misplaced(header, `ends below ${endOffset}, where the log ends`);
      if (baseOffset < endOffset && header.recordCount === 0) {
        fillTo(lastOffset + 1, partitionLeaderEpoch);
        continue;
      }
      const isAtEmptyStart = placed.length === 0 && log.logStartOffset === log.logEndOffset;
      if (baseOffset < endOffset && !isAtEmptyStart)
        return misplaced(header, `holds ${endOffset}, where the log ends`);
      fillTo(baseOffset, partitionLeaderEpoch);
      place(bytes.subarray(at, at + sizeBytes), header);
    }
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return { error: 'CORRUPT_MESSAGE', message: error.message };
  }
  return { placed, recordCount, hasHoles };
}

function misplaced({ baseOffset, lastOffset }: BatchHeader, what: string): Refusal {
  return { error: 'INVALID_RECORD', message: `the batch [${baseOffset}, ${lastOffset}] ${what}` };
}

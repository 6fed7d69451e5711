import { EdgelogError } from '@edgelog/base';
import type { PartitionLog } from '@edgelog/log';
import { type BatchHeader, readBatchHeader, verifyBatchCrc } from '@edgelog/wire';

const READ_BYTES = 2 ** 20;

/** Offsets that cannot be trusted, or cannot be read at all; both ends belong to it. */
export interface Damage {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly reason: string;
}

export interface ScannedBatch {
  readonly batch: Buffer;
  readonly header: BatchHeader;
}

/**
 * Every stored batch of a partition from `offset` on, each read and its CRC checked, and in their places what is
 * damaged: one batch where its bytes fail the CRC, all that is left of a stored value where its structure is gone.
 */
export function* scanPartition(
  log: PartitionLog,
  offset = log.logStartOffset,
): Generator<ScannedBatch | Damage, void, undefined> {
  let at = offset;
  while (at < log.highWatermark) {
    let batches: readonly Buffer[];
    try {
      ({ batches } = log.read(at, { maxBytes: READ_BYTES }));
    } catch (error) {
      const end = endOfDamage(log, at);
      yield { firstOffset: at, lastOffset: end - 1, reason: reasonOf(error) };
      at = end;
      continue;
    }
    for (const batch of batches) {
      const header = readBatchHeader(batch);
      yield checkCrc(batch, header) ?? { batch, header };
      at = header.lastOffset + 1;
    }
  }
}

export function isDamage(scanned: ScannedBatch | Damage): scanned is Damage {
  return 'reason' in scanned;
}

function checkCrc(batch: Buffer, header: BatchHeader): Damage | undefined {
  try {
    verifyBatchCrc(batch, 0, header);
    return undefined;
  } catch (error) {
    return { firstOffset: header.baseOffset, lastOffset: header.lastOffset, reason: reasonOf(error) };
  }
}

/** Throws what is no damage. */
function reasonOf(error: unknown): string {
  if (error instanceof EdgelogError && error.code === 'CORRUPT_BATCH') return error.message;
  throw error;
}

/**
 * Where the stored value after the one that holds `at` begins. The log knows sizes to a stored value, without looking
 * into it, so the first offset with less behind it is found by halving.
 */
function endOfDamage(log: PartitionLog, at: number): number {
  const sizeAt = sizeFrom(log, at);
  let low = at + 1;
  let high = log.highWatermark;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sizeFrom(log, middle) === sizeAt) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Undefined where not even the place of the offset is known. */
function sizeFrom(log: PartitionLog, offset: number): number | undefined {
  try {
    return log.sizeBytesFrom(offset);
  } catch (error) {
    reasonOf(error);
    return undefined;
  }
}

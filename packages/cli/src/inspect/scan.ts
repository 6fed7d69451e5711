import { type PartitionLog, StoredDamageError } from '@edgelog/log';
import { type BatchHeader, readBatchHeader } from '@edgelog/wire';

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

/** Every stored batch of a partition from `offset` on, each as the log read and checked it, and in their places what is damaged. */
export function* scanPartition(
  log: PartitionLog,
  offset = log.logStartOffset,
): Generator<ScannedBatch | Damage, void, undefined> {
  let at = offset;
  while (at < log.flushedEndOffset) {
    let batches: readonly Buffer[];
    try {
      ({ batches } = log.read(at, { maxBytes: READ_BYTES }));
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      const { endOffset, reason } = error.damage;
      yield { firstOffset: at, lastOffset: endOffset - 1, reason };
      at = endOffset;
      continue;
    }
    for (const batch of batches) {
      const header = readBatchHeader(batch);
      yield { batch, header };
      at = header.lastOffset + 1;
    }
  }
}

export function isDamage(scanned: ScannedBatch | Damage): scanned is Damage {
  return 'reason' in scanned;
}

import type { LogStoreOptions } from '@edgelog/log';
import type { CommitPacing } from './commit-pace.ts';

export const WEAR_MODES = ['fast', 'balanced', 'saver'] as const;
export type WearMode = (typeof WEAR_MODES)[number];

interface LogWear extends Pick<LogStoreOptions, 'journalBatchBytes' | 'journalCompressBytes'> {
  pacing: CommitPacing;
}

/**
 * Larger sealed batches go to their segment at once: in the journal they are written twice. Up to here that costs the flash nothing (measured: 2.87 bytes
 * per byte instead of 3.00), since a commit of its own takes six pages and two flushes, which all acknowledgements behind it wait for.
 */
const JOURNAL_BATCH_BYTES = 64 * 1024;

/**
 * How the log writes to spare the flash. The longest wait is what an acknowledgement may take beside the write itself. The amounts are where a
 * commit's own overhead (a header, and half a sector left empty) is small beside what it holds. A commit also costs half a millisecond of a core: with ten
 * devices that send 1,000 readings a second 16 ms make 60 commits a second, and p99 of acknowledgements 18 ms. More than some ten milliseconds of readings at that rate
 * must be enough, or it is the amount that makes the commits.
 */
export const WEAR: Readonly<Record<WearMode, LogWear>> = {
  fast: { pacing: { intervalMs: 0, enoughBytes: 0, hastens: false }, journalBatchBytes: JOURNAL_BATCH_BYTES },
  balanced: {
    pacing: { intervalMs: 16, enoughBytes: 4096, hastens: true },
    journalBatchBytes: JOURNAL_BATCH_BYTES,
  },
  saver: {
    pacing: { intervalMs: 150, enoughBytes: 48 * 1024, hastens: false },
    journalBatchBytes: JOURNAL_BATCH_BYTES,
    journalCompressBytes: 2048,
  },
};

import type { LogStoreOptions } from '@edgelog/log';

export const WEAR_MODES = ['fast', 'balanced', 'saver'] as const;
export type WearMode = (typeof WEAR_MODES)[number];

type LogWear = Required<Pick<LogStoreOptions, 'pacing'>> &
  Pick<LogStoreOptions, 'journalBatchBytes' | 'journalCompressBytes'>;

/** A sealed batch of this size goes to its segment at once: in the journal it would be written twice. */
const JOURNAL_BATCH_BYTES = 8 * 1024;

/**
 * How the log writes to spare the flash. The longest wait is what an acknowledgement may take beside the write itself. The amounts are where a
 * commit's own overhead (a header, and half a sector left empty) is small beside what it holds.
 */
export const WEAR: Readonly<Record<WearMode, LogWear>> = {
  fast: { pacing: { intervalMs: 0, enoughBytes: 0 }, journalBatchBytes: JOURNAL_BATCH_BYTES },
  balanced: { pacing: { intervalMs: 8, enoughBytes: 2048 }, journalBatchBytes: JOURNAL_BATCH_BYTES },
  saver: {
    pacing: { intervalMs: 150, enoughBytes: 48 * 1024 },
    journalBatchBytes: JOURNAL_BATCH_BYTES,
    journalCompressBytes: 2048,
  },
};

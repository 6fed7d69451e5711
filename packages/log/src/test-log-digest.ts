import { createHash } from 'node:crypto';
import { readBatchHeader } from '@edgelog/wire';
import type { PartitionLog } from './types.ts';

/** Everything that is in a log, flushed or not, in one line: batches, epochs, producers. */
export function digestOf(log: PartitionLog): string {
  const { logStartOffset, logEndOffset, producersThrough } = log;
  const options = { maxBytes: 2 ** 30, unflushed: true, withEmpty: true };
  const batches = log.read(logStartOffset, options).batches.map((batch) => {
    const { baseOffset, crc } = readBatchHeader(batch);
    return [baseOffset, crc, log.leaderEpochs.epochAt(baseOffset)];
  });
  const producers = [...log.producers()].sort((a, b) => a.producerId - b.producerId);
  const all = [logStartOffset, producersThrough, log.leaderEpochs.latest, producers, batches];
  const hash = createHash('sha256').update(JSON.stringify(all)).digest('hex');
  return `${logStartOffset} ${logEndOffset} ${hash}`;
}

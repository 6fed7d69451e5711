import { openLogStore, type PartitionLog, StoredDamageError } from '@edgelog/log';
import { readBatchHeader } from '@edgelog/wire';
import type { BrokerProcess } from '../harness/cluster-processes.ts';
import type { History } from './history/history.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** One broker's copy of a partition: the end, and the checksum of each batch by its offset. */
interface Copy {
  readonly node: string;
  readonly endOffset: number;
  readonly batches: ReadonlyMap<number, number>;
}

/** What a flipped bit has made unreadable is left out: nobody has read it since, or it would have been fetched again. */
function copyOf(node: string, log: PartitionLog): Copy {
  const batches = new Map<number, number>();
  for (let offset = log.logStartOffset; offset < log.flushedEndOffset; ) {
    try {
      for (const batch of log.read(offset, { maxBytes: READ_BYTES }).batches) {
        const { baseOffset, lastOffset, crc } = readBatchHeader(batch);
        batches.set(baseOffset, crc);
        offset = lastOffset + 1;
      }
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      offset = error.damage.endOffset;
    }
  }
  return { node, endOffset: log.flushedEndOffset, batches };
}

/** Compares the logs of brokers that were stopped, all of whose replicas were in sync: each partition is the same everywhere. */
export async function compareReplicas(
  brokers: readonly BrokerProcess[],
  topics: readonly string[],
  history: History,
): Promise<void> {
  const seen = new Map<string, Copy>();
  for (const { name, dataDir } of brokers) {
    const store = await openLogStore({ dir: dataDir });
    try {
      for (const log of store.partitions()) {
        if (!topics.some((topic) => log.name.startsWith(`${topic}-`))) continue;
        const partition = log.name.replace(/\.[^.]*$/, '');
        const copy = copyOf(name, log);
        const other = seen.get(log.name);
        if (other === undefined) seen.set(log.name, copy);
        else for (const what of differences(other, copy)) history.violation('diverged', what, { partition });
      }
    } finally {
      await store.close();
    }
  }
}

function* differences(one: Copy, other: Copy): Iterable<string> {
  if (one.endOffset !== other.endOffset)
    yield `${one.node} ends at ${one.endOffset}, ${other.node} at ${other.endOffset}`;
  for (const [offset, crc] of one.batches) {
    const theirs = other.batches.get(offset);
    if (theirs === undefined || theirs === crc) continue;
    yield `the batch at ${offset} has CRC ${crc} at ${one.node} and ${theirs} at ${other.node}`;
    return;
  }
}

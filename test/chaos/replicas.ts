import { openLogStore, type PartitionLog } from '@edgelog/log';
import { readBatchHeader } from '@edgelog/wire';
import type { BrokerProcess } from '../harness/cluster-processes.ts';
import type { History } from './history/history.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** One broker's copy of a partition, in the order of offsets: checksums of its batches. */
function checksums(log: PartitionLog): Map<number, number> {
  const found = new Map<number, number>();
  for (let offset = log.logStartOffset; offset < log.flushedEndOffset; ) {
    const { batches } = log.read(offset, { maxBytes: READ_BYTES });
    for (const batch of batches) {
      const { baseOffset, lastOffset, crc } = readBatchHeader(batch);
      found.set(baseOffset, crc);
      offset = lastOffset + 1;
    }
    if (batches.length === 0) break;
  }
  return found;
}

/** Compares the logs of brokers that were stopped, all of whose replicas were in sync: each partition is the same everywhere. */
export async function compareReplicas(
  brokers: readonly BrokerProcess[],
  topics: readonly string[],
  history: History,
): Promise<void> {
  const seen = new Map<string, { node: string; batches: Map<number, number> }>();
  for (const { node, dataDir } of brokers) {
    const store = await openLogStore({ dir: dataDir });
    try {
      for (const log of store.partitions()) {
        if (!topics.some((topic) => log.name.startsWith(`${topic}-`))) continue;
        const partition = log.name.replace(/\.[^.]*$/, '');
        const batches = checksums(log);
        const other = seen.get(log.name);
        if (other === undefined) seen.set(log.name, { node, batches });
        else
          for (const what of differences(other, { node, batches }))
            history.violation('diverged', what, { partition });
      }
    } finally {
      await store.close();
    }
  }
}

type Copy = { node: string; batches: ReadonlyMap<number, number> };

function* differences(one: Copy, other: Copy): Iterable<string> {
  if (one.batches.size !== other.batches.size)
    yield `${one.node} has ${one.batches.size} batches, ${other.node} ${other.batches.size}`;
  for (const [offset, crc] of one.batches) {
    const theirs = other.batches.get(offset);
    if (theirs === crc) continue;
    yield `the batch at ${offset} has CRC ${crc} at ${one.node} and ${theirs} at ${other.node}`;
    return;
  }
}

import { EdgelogError } from '@edgelog/base';
import type { ReadResult } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import type { Item } from '../handlers/handler.ts';
import type { Partition } from '../partition/partition.ts';
import { damageError } from './damage.ts';
import { fetchError } from './find-partition.ts';
import type { Expected } from './read-ahead.ts';
import type { Reader } from './reader.ts';
import type { AskedPartition } from './session.ts';

export type PartitionItem = Item<'fetch', 'responses'>['partitions'][number];

export interface ReadLimits {
  maxBytes: number;
  isReadCommitted: boolean;
  reader: Reader;
  /** As in `ReadOptions`. */
  memory: (sizeBytes: number) => Buffer;
  /** What was read already, if it was. */
  ahead: (expected: Expected, atLeastOne: boolean) => ReadResult | undefined;
}

/**
 * Reads partition after partition until `maxBytes` are full. The first batch of the first partition that has any is returned
 * whatever the limits [KIP-74]; after it a partition gives whole batches within its own limit and what is left of the other.
 * What cannot be read is that partition's error alone. Undefined where the reader knows all.
 */
export function readPartitions(
  asked: readonly AskedPartition[],
  found: readonly (Partition | number)[],
  { maxBytes, isReadCommitted, reader, memory, ahead }: ReadLimits,
): (PartitionItem | undefined)[] {
  const abortedTransactions = isReadCommitted ? [] : null;
  let remaining = maxBytes;
  let isEmpty = true;
  return asked.map((one, i) => {
    const partition = found[i]!;
    const knowsAll = typeof partition !== 'number' && reader.news?.(one, partition, i) === 'none';
    return knowsAll ? undefined : answer(one, partition, i);
  });

  function answer(one: AskedPartition, partition: Partition | number, i: number): PartitionItem {
    const errorCode = fetchError(one, partition, reader, i);
    if (typeof partition === 'number' || errorCode !== ErrorCode.NONE)
      return failed(one, errorCode, partition);
    try {
      const divergingEpoch = reader.diverging?.(i);
      const preferredReadReplica = reader.preferred?.(partition);
      const isRead = divergingEpoch === undefined && preferredReadReplica === undefined;
      const records = isRead ? read(one, partition) : [];
      const { highWatermark } = partition;
      const { logStartOffset } = partition.log;
      return {
        partitionIndex: one.index,
        errorCode,
        highWatermark,
        lastStableOffset: highWatermark,
        logStartOffset,
        abortedTransactions,
        records,
        ...(divergingEpoch && { divergingEpoch }),
        ...(preferredReadReplica !== undefined && { preferredReadReplica }),
      };
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      return failed(one, damageError(error, partition), partition);
    }
  }

  function read(one: AskedPartition, partition: Partition): readonly Buffer[] {
    const { log, traffic } = partition;
    const endOffset = reader.endOffset(partition);
    const limit = Math.max(0, Math.min(one.maxBytes, remaining));
    if (one.fetchOffset >= endOffset || (limit === 0 && !isEmpty)) return [];
    const { batches, sizeBytes } =
      ahead({ partition, offset: one.fetchOffset, maxBytes: limit }, isEmpty) ??
      log.read(one.fetchOffset, {
        maxBytes: limit,
        atLeastOne: isEmpty,
        endOffset,
        memory,
        ...reader.options,
      });
    remaining -= sizeBytes;
    traffic.bytesOut += sizeBytes;
    if (sizeBytes > 0) isEmpty = false;
    return batches;
  }
}

function failed({ index }: AskedPartition, errorCode: number, partition: Partition | number): PartitionItem {
  return {
    partitionIndex: index,
    errorCode,
    highWatermark: -1,
    logStartOffset:
      typeof partition === 'number' || partition.isClosed ? -1 : (partition.replica?.logStartOffset ?? -1),
    abortedTransactions: null,
    records: [],
  };
}

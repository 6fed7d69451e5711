import { EdgelogError } from '@edgelog/base';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import type { Item } from '../handlers/handler.ts';
import { leaderEpochError } from '../partition/leader-epoch.ts';
import type { Partition } from '../partition/partition.ts';
import type { AskedPartition } from './session.ts';

export type PartitionItem = Item<'fetch', 'responses'>['partitions'][number];

export interface ReadLimits {
  maxBytes: number;
  isReadCommitted: boolean;
}

/**
 * Reads partition after partition until `maxBytes` are full. The first batch of the first partition that has any is returned
 * whatever the limits [KIP-74]; after it a partition gives whole batches within its own limit and what is left of the other.
 */
export function readPartitions(
  asked: readonly AskedPartition[],
  found: readonly (Partition | number)[],
  limits: ReadLimits,
  log: Logger,
): PartitionItem[] {
  const abortedTransactions = limits.isReadCommitted ? [] : null;
  let remaining = limits.maxBytes;
  let isEmpty = true;
  return asked.map((one, i) => readPartition(one, found[i]!));

  function readPartition(one: AskedPartition, partition: Partition | number): PartitionItem {
    if (typeof partition === 'number') return failed(one.index, partition);
    if (partition.isClosed) return failed(one.index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const { highWatermark, logStartOffset, logEndOffset } = partition.log;
    const { fetchOffset } = one;
    const errorCode = leaderEpochError(one.leaderEpoch);
    if (errorCode !== ErrorCode.NONE) return failed(one.index, errorCode, logStartOffset);
    if (fetchOffset < logStartOffset || fetchOffset > logEndOffset) {
      return failed(one.index, ErrorCode.OFFSET_OUT_OF_RANGE, logStartOffset);
    }
    const maxBytes = Math.max(0, Math.min(one.maxBytes, remaining));
    let records: readonly Buffer[] = [];
    if (fetchOffset < highWatermark && (isEmpty || maxBytes > 0)) {
      try {
        const result = partition.log.read(fetchOffset, {
          maxBytes,
          atLeastOne: isEmpty,
          endOffset: highWatermark,
        });
        records = result.batches;
        remaining -= result.sizeBytes;
        if (result.sizeBytes > 0) isEmpty = false;
      } catch (error) {
        if (!(error instanceof EdgelogError && error.code === 'CORRUPT_BATCH')) throw error;
        log.error('stored batch cannot be read', {
          partition: partition.log.name,
          offset: fetchOffset,
          error,
        });
        return failed(one.index, ErrorCode.CORRUPT_MESSAGE, logStartOffset);
      }
    }
    return {
      partitionIndex: one.index,
      errorCode: ErrorCode.NONE,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset,
      abortedTransactions,
      records,
    };
  }
}

function failed(partitionIndex: number, errorCode: number, logStartOffset = -1): PartitionItem {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1,
    logStartOffset,
    abortedTransactions: null,
    records: [],
  };
}

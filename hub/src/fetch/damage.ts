import type { EdgelogError } from '@edgelog/base';
import type { StoredDamage } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import { parseLogName } from '../partition/log-name.ts';
import type { Partition } from '../partition/partition.ts';

/** Tells the operator of a damaged range, with the offset from which its partition can be read again. */
export function reportDamage(log: Logger, damage: StoredDamage): void {
  const { partition, firstOffset, nextOffset, topic, reason } = damageStatus(damage);
  log.error('stored batch cannot be read', { topic, partition, firstOffset, nextOffset, reason });
}

/** Offsets [firstOffset, nextOffset) of a partition. */
export function damageStatus({ partition: logName, baseOffset, endOffset, reason }: StoredDamage) {
  const { topic, index } = parseLogName(logName) ?? { topic: logName, index: 0 };
  return {
    topic,
    partition: index,
    firstOffset: baseOffset,
    nextOffset: endOffset,
    reason,
  };
}

/**
 * What a client is told of it. Where other replicas are in sync this one withdraws [replication/replica.ts], so the client is to ask anew
 * who leads: CORRUPT_MESSAGE would end many a consumer, for what another broker has whole.
 */
export function damageError({ code }: EdgelogError, { leadership }: Pick<Partition, 'leadership'>): number {
  if (code !== 'CORRUPT_BATCH') return ErrorCode.KAFKA_STORAGE_ERROR;
  return leadership.isr.length > 1 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.CORRUPT_MESSAGE;
}

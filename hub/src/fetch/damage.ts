import type { EdgelogError } from '@edgelog/base';
import type { StoredDamage } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';

/** Tells the operator of a damaged range, with the offset from which its partition can be read again. */
export function reportDamage(log: Logger, damage: StoredDamage): void {
  const { partition, firstOffset, nextOffset, topic, reason } = damageStatus(damage);
  log.error('stored batch cannot be read', { topic, partition, firstOffset, nextOffset, reason });
}

/** Offsets [firstOffset, nextOffset) of a partition; logs are named after topic and partition. */
export function damageStatus({ partition: logName, baseOffset, endOffset, reason }: StoredDamage) {
  const dash = logName.lastIndexOf('-');
  return {
    topic: logName.slice(0, dash),
    partition: Number(logName.slice(dash + 1)),
    firstOffset: baseOffset,
    nextOffset: endOffset,
    reason,
  };
}

/** What a client is told of it. */
export function damageError({ code }: EdgelogError): number {
  return code === 'CORRUPT_BATCH' ? ErrorCode.CORRUPT_MESSAGE : ErrorCode.KAFKA_STORAGE_ERROR;
}

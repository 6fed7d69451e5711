import type { EdgelogError } from '@edgelog/base';
import type { StoredDamage } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import { parseLogName } from '../partition/log-name.ts';

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

/** What a client is told of it. */
export function damageError({ code }: EdgelogError): number {
  return code === 'CORRUPT_BATCH' ? ErrorCode.CORRUPT_MESSAGE : ErrorCode.KAFKA_STORAGE_ERROR;
}

import type { EdgelogError } from '@edgelog/base';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';

/** Places remembered; past it they are reported again. */
const PLACES_MAX = 1000;

/**
 * Tells the operator of stored batches that cannot be read, once for each place: a consumer comes back for the same offset many
 * times a second.
 */
export class DamageReports {
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  report({ topic, index, log }: Partition, offset: number, error: EdgelogError): void {
    const place = `${topic}/${index}/${offset}`;
    if (this.#told.has(place)) return;
    if (this.#told.size >= PLACES_MAX) this.#told.clear();
    this.#told.add(place);
    const { logStartOffset, logEndOffset } = log;
    const where = { topic, partition: index, offset, logStartOffset, logEndOffset };
    this.#log.error('stored batch cannot be read', { ...where, error });
  }
}

/** What a client is told of it. */
export function damageError({ code }: EdgelogError): number {
  return code === 'CORRUPT_BATCH' ? ErrorCode.CORRUPT_MESSAGE : ErrorCode.KAFKA_STORAGE_ERROR;
}

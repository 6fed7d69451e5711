import { type BatchHeader, crc32c, isReservedProducerId, sequenceOf } from '@edgelog/wire';
import type { Refusal, RefusalCode, RunInfo } from './ports.ts';

/** What every `HubPort` holds to, wherever it puts the batches. */

export const refuse = (code: RefusalCode, message: string): Refusal => ({ ok: false, code, message });

/** Undefined for a producer id that a gateway may draw. */
export function foreignProducer({ producerId }: RunInfo): Refusal | undefined {
  if (isReservedProducerId(producerId)) return undefined;
  return refuse('protocol-error', `producer id ${producerId} is outside the range of gateways' runs`);
}

/** Undefined where `known`, the run that has the producer id of `info`, is that very run. */
export function takenBy(
  known: Omit<RunInfo, 'producerId'> & { gateway: string },
  { producerId, logId, topic, firstOffset }: RunInfo,
): Refusal | undefined {
  if (known.logId === logId && known.topic === topic && known.firstOffset === firstOffset) return undefined;
  const holder = `log ${known.logId} of gateway ${known.gateway}, topic ${known.topic}`;
  const message = `producer id ${producerId} belongs to ${holder}, from ${known.firstOffset}`;
  return refuse('protocol-error', message);
}

/** A gateway's records for a topic stay in one partition; several gateways spread over all. */
export function partitionFor(gateway: string, topic: string, partitions: number): number {
  return crc32c(Buffer.from(`${gateway}\0${topic}`)) % partitions;
}

/** Undefined for a batch as the gateway of this run seals them. */
export function foreignBatch(header: BatchHeader, producerId: number): Refusal | undefined {
  if (header.producerId !== producerId) {
    return refuse('protocol-error', `batch of producer ${header.producerId} in run ${producerId}`);
  }
  if (header.isControl || header.isTransactional || header.producerEpoch !== 0) {
    return refuse('corrupt-batch', 'a gateway seals plain batches of producer epoch 0');
  }
  return undefined;
}

/** Undefined for a batch that begins at edge offset `next`. */
export function outOfOrder({ baseSequence }: BatchHeader, next: number): Refusal | undefined {
  if (baseSequence === sequenceOf(next)) return undefined;
  const expected = `${sequenceOf(next)} for offset ${next}`;
  return refuse('out-of-order', `the batch has sequence ${baseSequence}, expected ${expected}`);
}

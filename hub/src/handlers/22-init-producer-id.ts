import { ErrorCode, type RequestOf } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/**
 * InitProducerId: an id for an idempotent producer, never given before and never from the range of the gateways' runs.
 *
 * A producer that wants a higher epoch for its own id (3 and later) gets a new id with epoch 0, which serves it as well; an id
 * without an epoch, or the other way round, is INVALID_REQUEST, and so is an empty transactional id.
 * Left out: transactional ids, answered TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which clients show as fatal and never retry.
 */
export const initProducerId: Handler<'initProducerId'> = async (request, { broker }) => {
  const errorCode = refusal(request);
  if (errorCode !== ErrorCode.NONE) return { errorCode, producerId: -1, producerEpoch: -1 };
  return { errorCode, producerId: await broker.producerIds.allocate(), producerEpoch: 0 };
};

function refusal({ transactionalId, producerId, producerEpoch }: RequestOf<'initProducerId'>): number {
  if (transactionalId === '') return ErrorCode.INVALID_REQUEST;
  if (transactionalId !== null) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  return (producerId === -1) === (producerEpoch === -1) ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST;
}

import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/**
 * InitProducerId: an id for an idempotent producer, never given before and never from the range of the gateways' runs.
 *
 * A producer that wants a higher epoch for its own id (3 and later) gets a new id with epoch 0, which serves it as well.
 * Left out: transactional ids, answered TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which clients show as fatal and never retry.
 */
export const initProducerId: Handler<'initProducerId'> = async (request, { broker }) => {
  if (request.transactionalId !== null) {
    return { errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, producerId: -1, producerEpoch: -1 };
  }
  return { errorCode: ErrorCode.NONE, producerId: await broker.producerIds.allocate(), producerEpoch: 0 };
};

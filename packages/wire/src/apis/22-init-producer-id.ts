import { int16, int32, int64, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Gives a producer its id and epoch. 2 is flexible; 3 lets a producer bump its own epoch [KIP-360]. Never from the
 * range reserved for edge runs.
 */
export const initProducerId = api({
  name: 'InitProducerId',
  key: 22,
  versions: [0, 5],
  flexible: 2,
  request: {
    transactionalId: string({ nullable: 0 }),
    transactionTimeoutMs: int32(),
    producerId: int64({ since: 3, default: -1 }),
    producerEpoch: int16({ since: 3, default: -1 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: int64({ default: -1 }),
    producerEpoch: int16(),
  },
});

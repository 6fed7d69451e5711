import { int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Forgets a broker that will not come back.
 */
export const unregisterBroker = api({
  name: 'UnregisterBroker',
  key: 64,
  versions: [0, 0],
  flexible: 0,
  request: {
    brokerId: int32(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: 0 }),
  },
});

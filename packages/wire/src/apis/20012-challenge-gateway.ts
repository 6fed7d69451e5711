import { int16, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/** Asks the broker that last had a gateway whether an instance at another broker may have its name. Between brokers only. */
export const challengeGateway = api({
  name: 'ChallengeGateway',
  key: 20_012,
  versions: [0, 0],
  flexible: 0,
  isInternal: true,
  request: {
    gateway: string(),
    instance: string(),
    remote: string(),
  },
  response: {
    errorCode: int16({ default: 0 }),
    /** Why not; null where nobody who lives has it there. */
    refusal: string({ nullable: 0, default: null }),
  },
});

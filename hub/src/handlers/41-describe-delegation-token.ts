import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/**
 * DescribeDelegationToken: there are no tokens, and a client that has not proved who it is may not ask for them: Kafka answers
 * the same on a plaintext listener.
 */
export const describeDelegationToken: Handler<'describeDelegationToken'> = () => ({
  errorCode: ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED,
  tokens: [],
});

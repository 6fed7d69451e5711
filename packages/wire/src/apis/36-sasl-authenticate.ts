import { bytes, int16, int64, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * One step of the chosen mechanism's exchange. 1 tells how long the session lasts, 0 for ever: then the client has to authenticate anew
 * over the same connection [KIP-368]. 2 is flexible.
 */
export const saslAuthenticate = api({
  name: 'SaslAuthenticate',
  key: 36,
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: bytes(),
  },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: 0 }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ since: 1, default: 0, ignorable: true }),
  },
});

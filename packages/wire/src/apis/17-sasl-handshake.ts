import { array, int16, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Chooses a SASL mechanism before anything else is asked on the connection, ApiVersions apart, and to authenticate anew [KIP-368]. After
 * version 1 the tokens travel in SaslAuthenticate, after 0 bare.
 */
export const saslHandshake = api({
  name: 'SaslHandshake',
  key: 17,
  versions: [0, 1],
  request: {
    mechanism: string(),
  },
  response: {
    errorCode: int16(),
    mechanisms: array(string()),
  },
});

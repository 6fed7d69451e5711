import { EdgelogError } from '@edgelog/base';
import type { Exchange } from './exchange.ts';

const SEPARATOR = '\x01';

/** [RFC 7628], [KIP-255]. A refusal comes as a JSON text, which has to be answered before the broker ends the exchange. */
export function bearerExchange(token: string): Exchange {
  return async (say) => {
    const message = `n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${SEPARATOR}`;
    const refusal = await say(Buffer.from(message));
    if (refusal.length === 0) return;
    await say(Buffer.from(SEPARATOR));
    throw new EdgelogError('AUTHENTICATION_FAILED', `the broker refuses the token: ${refusal.toString()}`);
  };
}

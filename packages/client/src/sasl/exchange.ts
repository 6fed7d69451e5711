import { EdgelogError } from '@edgelog/base';
import type { Sasl } from '../security.ts';
import { bearerExchange } from './bearer.ts';
import { scramExchange } from './scram.ts';
import { bearerToken } from './token.ts';

/**
 * A mechanism's talk with the broker: each call of `say` sends one message and answers the broker's. Rejects with AUTHENTICATION_FAILED
 * where the broker cannot show that it knows the secret itself, or with what `say` does.
 */
export type Exchange = (say: (message: Buffer) => Promise<Buffer>) => Promise<void>;

/** Kafka's name of the mechanism. */
export function mechanismOf({ mechanism }: Sasl): string {
  return mechanism.toUpperCase();
}

/** Who is shown to be whom, for messages; never the secret. */
export function describeIdentity(sasl: Sasl): string {
  const mechanism = `SASL ${mechanismOf(sasl)}`;
  if (sasl.mechanism !== 'oauthbearer') return `${mechanism} as ${sasl.user}`;
  const { token } = sasl;
  return 'file' in token
    ? `${mechanism} with the token in ${token.file}`
    : `${mechanism} as client ${token.clientId} of ${token.url}`;
}

/** Gets what it takes, a token above all. Throws CONFIG_INVALID, AUTHENTICATION_FAILED, CONNECTION_LOST or TIMEOUT. */
export async function prepareExchange(sasl: Sasl, timeoutMs: number): Promise<Exchange> {
  switch (sasl.mechanism) {
    case 'plain':
      return plainExchange(sasl.user, sasl.password);
    case 'scram-sha-256':
    case 'scram-sha-512':
      return scramExchange(sasl.mechanism, sasl.user, sasl.password);
    case 'oauthbearer':
      return bearerExchange(await bearerToken(sasl.token, timeoutMs));
  }
}

/** [RFC 4616]; the identity to act as is left empty, which is the user. */
function plainExchange(user: string, password: string): Exchange {
  if (user.includes('\0') || password.includes('\0')) {
    throw new EdgelogError('CONFIG_INVALID', 'SASL PLAIN cannot carry a NUL in user or password');
  }
  return async (say) => void (await say(Buffer.from(`\0${user}\0${password}`)));
}

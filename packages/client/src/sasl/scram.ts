import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { EdgelogError } from '@edgelog/base';
import type { Exchange } from './exchange.ts';

const derive = promisify(pbkdf2);
/** No channel binding, no other identity. */
const GS2_HEADER = 'n,,';
/** Kafka refuses to store fewer, and fewer would let a listener guess the password. */
const ITERATIONS_MIN = 4096;
/** A second or so: more is a broker that wants to keep us busy. */
const ITERATIONS_MAX = 2_000_000;
const NONCE_BYTES = 24;

const HASHES = { 'scram-sha-256': 'sha256', 'scram-sha-512': 'sha512' } as const;

/**
 * [RFC 5802], [RFC 7677]. User and password are taken as they are, as Kafka does: it does not prepare them (SASLprep) before it stores
 * them either.
 */
export function scramExchange(
  mechanism: keyof typeof HASHES,
  user: string,
  password: string,
  nonce: string = randomBytes(NONCE_BYTES).toString('base64'),
): Exchange {
  const hash = HASHES[mechanism];
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest();
  return async (say) => {
    const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C');
    const clientFirst = `n=${name},r=${nonce}`;
    const serverFirst = (await say(Buffer.from(GS2_HEADER + clientFirst))).toString();
    const { r: fullNonce = '', s: salt = '', i: rounds = '' } = attributesOf(serverFirst);
    const iterations = Number(rounds);
    if (!fullNonce.startsWith(nonce) || fullNonce.length === nonce.length || salt === '') {
      throw distrusted(`its answer ${JSON.stringify(serverFirst)} does not follow from what was sent`);
    }
    if (!(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX)) {
      throw distrusted(`it wants ${rounds} iterations; ${ITERATIONS_MIN} to ${ITERATIONS_MAX} are taken`);
    }

    const bytes = createHash(hash).digest().length;
    const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, bytes, hash);
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${fullNonce}`;
    const signed = `${clientFirst},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]!);

    const answer = await say(Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`));
    const { v: verifier = '', e: error } = attributesOf(answer.toString());
    if (error !== undefined) throw distrusted(`it says ${error}`);
    const theirs = Buffer.from(verifier, 'base64');
    const ours = hmac(hmac(salted, 'Server Key'), signed);
    if (theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) {
      throw distrusted('it does not know the password itself: its signature is wrong');
    }
  };
}

/** `r=…,s=…,i=…`, by the letters. */
function attributesOf(text: string): Record<string, string | undefined> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function distrusted(why: string): EdgelogError {
  return new EdgelogError('AUTHENTICATION_FAILED', `the broker is not to be trusted: ${why}`);
}

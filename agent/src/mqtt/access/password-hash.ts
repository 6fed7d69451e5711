import { pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { EdgelogError } from '@edgelog/base';

const derivePbkdf2 = promisify(pbkdf2);
const deriveScrypt = promisify<string | Buffer, Buffer, number, object, Buffer>(scrypt);

/** `$scrypt$ln=14,r=8,p=1$SALT$HASH`, our own; `$7$ITERATIONS$SALT$HASH`, PBKDF2 with SHA-512 as mosquitto_passwd writes it. */
export type PasswordHash =
  | { kind: 'scrypt'; logN: number; r: number; p: number; salt: Buffer; hash: Buffer }
  | { kind: 'pbkdf2'; iterations: number; salt: Buffer; hash: Buffer };

const SCRYPT = { logN: 14, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Of what a file may ask: more would be memory or minutes for a login. */
const LOG_N_MAX = 18;
const BLOCKS_MAX = 32;
const ITERATIONS_MAX = 10_000_000;

/** Throws CONFIG_INVALID saying what is wrong with the text; never with the text itself. */
export function parsePasswordHash(text: string): PasswordHash {
  const [, scheme, parameters = '', saltText = '', hashText = '', ...rest] = text.split('$');
  const salt = Buffer.from(saltText, 'base64');
  const hash = Buffer.from(hashText, 'base64');
  if (scheme === '6') throw invalid('is of Mosquitto before 2.0 ($6$): give the password again');
  if (scheme !== '7' && scheme !== 'scrypt')
    throw invalid('is neither $scrypt$… nor $7$… of mosquitto_passwd');
  if (rest.length > 0 || salt.length === 0 || hash.length < 16) throw invalid('is cut or damaged');
  if (scheme === '7') {
    const iterations = Number(parameters);
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > ITERATIONS_MAX)
      throw invalid(`asks for ${parameters} iterations, at most ${ITERATIONS_MAX}`);
    return { kind: 'pbkdf2', iterations, salt, hash };
  }
  const [, logN, r, p] = /^ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})$/.exec(parameters)?.map(Number) ?? [];
  if (logN === undefined || r === undefined || p === undefined) throw invalid('lacks ln=…,r=…,p=…');
  if (logN < 1 || logN > LOG_N_MAX || r < 1 || r > BLOCKS_MAX || p < 1 || p > BLOCKS_MAX)
    throw invalid(`asks for too much: ln at most ${LOG_N_MAX}, r and p at most ${BLOCKS_MAX}`);
  return { kind: 'scrypt', logN, r, p, salt, hash };
}

/** A new line's hash, with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const { logN, r, p } = SCRYPT;
  const hash = await derive({ kind: 'scrypt', ...SCRYPT, salt, hash: Buffer.alloc(HASH_BYTES) }, password);
  return `$scrypt$ln=${logN},r=${r},p=${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** On the thread pool. */
export async function isPassword(known: PasswordHash, password: Buffer): Promise<boolean> {
  return timingSafeEqual(await derive(known, password), known.hash);
}

/** The same password and salt, read at different times. */
export function isSameHash(one: PasswordHash, other: PasswordHash): boolean {
  return one.hash.equals(other.hash) && one.salt.equals(other.salt);
}

function derive(known: PasswordHash, password: string | Buffer): Promise<Buffer> {
  const { salt, hash } = known;
  if (known.kind === 'pbkdf2') return derivePbkdf2(password, salt, known.iterations, hash.length, 'sha512');
  const { logN, r, p } = known;
  const N = 2 ** logN;
  return deriveScrypt(password, salt, hash.length, { N, r, p, maxmem: 256 * N * r + 2 ** 20 });
}

function invalid(what: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', `the password hash ${what}`);
}

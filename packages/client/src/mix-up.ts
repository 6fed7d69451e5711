import { connect as connectTls } from 'node:tls';
import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress } from '@edgelog/runtime';
import { openSocket } from './socket.ts';

const PROBE_MS_MAX = 5_000;
/** Nobody was there to speak anything. */
const NOT_THERE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

export const speaksTls = (at: string): EdgelogError =>
  new EdgelogError('CONFIG_INVALID', `the broker at ${at} speaks TLS: use kafka+tls:// in place of kafka://`);

const speaksPlain = (at: string): EdgelogError =>
  new EdgelogError(
    'CONFIG_INVALID',
    `the broker at ${at} speaks no TLS: use kafka:// in place of kafka+tls://`,
  );

/** What `open` opens. Where it fails because the listener speaks TLS and this side does not, or the other way round, CONFIG_INVALID says so. */
export async function tellingMixUps<T>(
  address: Address,
  side: { readonly isTls: boolean; readonly timeoutMs: number },
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw (await mixUpBehind(error, address, side)) ?? error;
  }
}

/** Asked of the listener itself, since a broker that is about to stop hangs up just so. Undefined: it is something else. */
async function mixUpBehind(
  loss: unknown,
  address: Address,
  { isTls, timeoutMs }: { readonly isTls: boolean; readonly timeoutMs: number },
): Promise<EdgelogError | undefined> {
  if (!(loss instanceof EdgelogError) || loss.code !== 'CONNECTION_LOST') return undefined;
  const { code = '' } = (loss.cause ?? {}) as NodeJS.ErrnoException;
  if (NOT_THERE.has(code)) return undefined;
  const ms = Math.min(timeoutMs, PROBE_MS_MAX);
  const at = formatAddress(address);
  if (isTls) return (await answersPlain(address, ms)) ? speaksPlain(at) : undefined;
  return (await answersTls(address, ms)) ? speaksTls(at) : undefined;
}

/** ApiVersions 0 with this correlation id and no client id. */
const CORRELATION_ID = 0x45444745;
const QUESTION = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0x45, 0x44, 0x47, 0x45, 0xff, 0xff]);

/** Whether what listens answers as Kafka does, without TLS. */
async function answersPlain(address: Address, timeoutMs: number): Promise<boolean> {
  try {
    const { stream, reset } = await openSocket(address, { tls: undefined, timeoutMs });
    return await new Promise<boolean>((resolve) => {
      const end = (isKafka: boolean) => {
        clearTimeout(timer);
        reset();
        resolve(isKafka);
      };
      const timer = setTimeout(end, timeoutMs, false);
      let answer: Buffer = Buffer.alloc(0);
      stream.on('close', () => end(false));
      stream.on('data', (chunk: Buffer) => {
        answer = Buffer.concat([answer, chunk]);
        if (answer.length >= 8) end(answer.readInt32BE(4) === CORRELATION_ID);
      });
      stream.write(QUESTION);
    });
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return false;
  }
}

/** Whether what listens shakes hands, or says with an alert of TLS why it does not. */
function answersTls({ host, port }: Address, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = connectTls({ host, port, rejectUnauthorized: false });
    const end = (isTls: boolean) => {
      clearTimeout(timer);
      setImmediate(() => stream.destroy());
      resolve(isTls);
    };
    const timer = setTimeout(end, timeoutMs, false);
    stream.on('secureConnect', () => end(true));
    stream.on('error', ({ code = '' }: NodeJS.ErrnoException) => end(/^ERR_SSL_.*ALERT/.test(code)));
    stream.on('close', () => end(false));
  });
}

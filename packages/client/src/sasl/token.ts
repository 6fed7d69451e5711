import { readFile } from 'node:fs/promises';
import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';
import type { TokenSource } from '../security.ts';

/** The part of its life after which a token is not used for another connection. */
const USED_FOR = 0.8;
/** [RFC 6750, section 2.1], as Kafka checks it. */
const TOKEN = /^[-._~+/A-Za-z0-9]+=*$/;

const granted = z.object({ access_token: z.string(), expires_in: z.coerce.number().min(0).optional() });
const denied = z.object({ error: z.string(), error_description: z.string().optional() });

type Endpoint = Exclude<TokenSource, { file: string }>;

/** Tokens that an endpoint gave, while they are good: many connections use the same one. */
const held = new WeakMap<Endpoint, { token: Promise<string>; untilMs: number }>();

/** A token to show now. Throws CONFIG_INVALID (the file), AUTHENTICATION_FAILED, CONNECTION_LOST or TIMEOUT (the endpoint). */
export function bearerToken(source: TokenSource, timeoutMs: number): Promise<string> {
  if ('file' in source) return readToken(source.file);
  const known = held.get(source);
  if (known !== undefined && performance.now() < known.untilMs) return known.token;
  const entry = { token: Promise.resolve(''), untilMs: Number.POSITIVE_INFINITY };
  entry.token = askFor(source, timeoutMs).then(
    ({ access_token: token, expires_in: seconds }) => {
      entry.untilMs = seconds === undefined ? 0 : performance.now() + seconds * 1000 * USED_FOR;
      return token;
    },
    (error) => {
      entry.untilMs = 0;
      throw error;
    },
  );
  held.set(source, entry);
  return entry.token;
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new EdgelogError('CONFIG_INVALID', `the token file ${file} cannot be read: ${cause.message}`, {
      cause,
    });
  });
  const token = text.trim();
  if (!TOKEN.test(token)) {
    throw new EdgelogError('CONFIG_INVALID', `the token file ${file} holds no bearer token`);
  }
  return token;
}

/** [RFC 6749, section 4.4], with the client's credentials as section 2.3.1 wants them. */
async function askFor(source: Endpoint, timeoutMs: number): Promise<z.output<typeof granted>> {
  const { url, clientId, clientSecret, scope } = source;
  const credentials = Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64');
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
  });
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { authorization: `Basic ${credentials}`, accept: 'application/json' };
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    if (signal.aborted)
      throw new EdgelogError('TIMEOUT', `no token from ${url} within ${timeoutMs} ms`, { cause });
    const { cause: below, message } = cause as Error;
    const reason = below instanceof Error ? below.message : message;
    throw new EdgelogError('CONNECTION_LOST', `no token from ${url}: ${reason}`, { cause });
  }
  const answer = parse(text);
  const grant = granted.safeParse(answer);
  if (status === 200 && grant.success && TOKEN.test(grant.data.access_token)) return grant.data;
  const { data: denial } = denied.safeParse(answer);
  const why =
    denial === undefined
      ? ''
      : `, ${denial.error}${denial.error_description ? `: ${denial.error_description}` : ''}`;
  const code = status >= 500 ? 'CONNECTION_LOST' : 'AUTHENTICATION_FAILED';
  throw new EdgelogError(code, `no token from ${url} for client ${clientId}: it answers ${status}${why}`);
}

function encode(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

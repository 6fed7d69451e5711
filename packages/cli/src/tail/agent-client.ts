import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';

const text = z.union([z.string(), z.object({ base64: z.string() }), z.null()]);

const lineSchema = z.union([
  z.object({
    offset: z.number(),
    timestamp: z.number(),
    key: text,
    value: text,
    headers: z.array(z.object({ key: z.string(), value: text })),
  }),
  z.object({ lost: z.object({ from: z.number(), to: z.number(), reason: z.string() }) }),
]);

/** A record, or offsets that cannot be read, as an agent's /streams/TOPIC has them. */
export type AgentLine = z.output<typeof lineSchema>;

const streamsSchema = z.object({ streams: z.array(z.object({ topic: z.string() })) });
const refusalSchema = z.object({ error: z.string() });

/** Where an agent is, and what shows it who asks. */
export interface AgentAddress {
  /** Its --http or --http-tls. */
  readonly url: string;
  /** The header `authorization`. */
  readonly authorization: string | undefined;
}

/** Throws REFUSED where there is no stream, or several. */
export async function onlyTopic(agent: AgentAddress, signal: AbortSignal): Promise<string> {
  const response = await ask(agent, new URL('/streams', agent.url), signal);
  const topics = streamsSchema.parse(await response.json()).streams.map(({ topic }) => topic);
  if (topics.length === 1) return topics[0]!;
  throw new EdgelogError(
    'REFUSED',
    topics.length === 0
      ? 'this gateway has no stream yet'
      : `give a topic, this gateway has several: ${topics.join(', ')}`,
  );
}

export interface LinesQuery {
  offset?: string;
  time?: string;
  limit: number | undefined;
  follow: boolean;
}

/** Hands each line to `take` and waits for it. Throws CONNECTION_LOST, and REFUSED with what the agent says. */
export async function readLines(
  agent: AgentAddress,
  topic: string,
  { offset, time, limit, follow }: LinesQuery,
  signal: AbortSignal,
  take: (line: AgentLine, raw: string) => Promise<void>,
): Promise<void> {
  const url = new URL(`/streams/${encodeURIComponent(topic)}`, agent.url);
  if (offset !== undefined) url.searchParams.set('offset', offset);
  if (time !== undefined) url.searchParams.set('time', time);
  if (limit !== undefined) url.searchParams.set('limit', String(limit));
  if (follow) url.searchParams.set('follow', '1');
  const response = await ask(agent, url, signal);
  const decoder = new TextDecoder();
  let rest = '';
  const body = response.body as AsyncIterable<Uint8Array> | null;
  try {
    for await (const bytes of body ?? []) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) await take(lineSchema.parse(JSON.parse(line)), line);
    }
  } catch (cause) {
    if (cause instanceof z.ZodError || cause instanceof SyntaxError) throw cause;
    if (isQuiet(cause)) return;
    throw new EdgelogError('CONNECTION_LOST', `the agent at ${agent.url} has gone`, { cause });
  }
}

async function ask({ authorization }: AgentAddress, url: URL, signal: AbortSignal): Promise<Response> {
  const headers = authorization === undefined ? {} : { authorization };
  let response: Response;
  try {
    response = await fetch(url, { signal, headers });
  } catch (cause) {
    throw new EdgelogError(
      'CONNECTION_LOST',
      `no agent answers at ${url.origin}${reasonOf(cause)}; is its --http there?`,
      {
        cause,
      },
    );
  }
  if (response.ok) return response;
  if (response.status === 401) {
    const what =
      authorization === undefined ? 'has users: give --user NAME' : 'does not know this user and password';
    throw new EdgelogError('REFUSED', `the agent at ${url.origin} ${what}`);
  }
  const said = refusalSchema.safeParse(await response.json().catch(() => undefined));
  throw new EdgelogError(
    'REFUSED',
    said.data?.error ?? `the agent at ${url.origin} answers ${response.status}`,
  );
}

/** What fetch keeps to itself: that a connection was refused, or that nobody vouches for a certificate. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? ` (${cause.message || cause.name})` : '';
}

/** Fetch gives a body up in which nothing came for five minutes; a stream may well be quiet for longer. */
export function isQuiet(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return cause?.code === 'UND_ERR_BODY_TIMEOUT';
}

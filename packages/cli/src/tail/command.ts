import { once } from 'node:events';
import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { onOutputClosed } from '../output.ts';
import { onInterrupt } from '../progress.ts';
import { agentAddress } from './agent-address.ts';
import { type AgentLine, onlyTopic, readLines } from './agent-client.ts';
import { lineText } from './format.ts';

const COMMAND = 'edgelog tail';
const RETRY_MS = 1000;

const tailSettings = z.object({
  topic: z.string().min(1).optional().describe('Kafka topic; may be left out where the gateway has but one.'),
  from: z
    .string()
    .min(1)
    .default('-10')
    .describe(
      'Where to begin: an offset, -N for the last N, first, next, or a time as 2026-01-31T12:00:00Z.',
    ),
  follow: z.boolean().default(false).describe('Go on with what comes, over restarts of the agent too.'),
  limit: z.number().int().min(1).optional().describe('Stop after so many offsets.'),
  agent: z
    .url({ protocol: /^https?$/, error: 'expected http://HOST:PORT or https://HOST:PORT' })
    .default('http://127.0.0.1:7422')
    .describe("The agent's --http or --http-tls."),
  user: z.string().min(1).optional().describe('Where the agent has --http-users; asks for the password.'),
  passwordFile: z.string().min(1).optional().describe('Its first line is the password.'),
  ca: z.string().min(1).optional().describe("PEM file: who signed the agent's certificate, for https://."),
  json: z.boolean().default(false).describe('Print one JSON object a line, as the agent sends it.'),
});

/** `edgelog tail`: records as they lie on a gateway, whether or not a hub can be reached. */
export async function tailCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Print records that are on a gateway: offset, time, key, value and headers.',
    schema: tailSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['topic'],
  });
  const { follow, json, limit } = settings;
  const agent = await agentAddress(COMMAND, settings);
  const stop = new AbortController();
  const closed = onOutputClosed();
  const signal = AbortSignal.any([stop.signal, closed.signal]);
  const releases = [onInterrupt(() => stop.abort()), closed.release];
  let at = placeOf(settings.from);
  let left = limit;
  let isLost = false;
  const take = async (line: AgentLine, raw: string) => {
    isLost = false;
    const next = 'lost' in line ? line.lost.to : line.offset + 1;
    const first = 'lost' in line ? line.lost.from : line.offset;
    if (left !== undefined) left -= next - first;
    at = { offset: String(next) };
    if (!process.stdout.write(json ? `${raw}\n` : lineText(line))) {
      await once(process.stdout, 'drain', { signal }).catch(() => {});
    }
  };
  try {
    const topic = settings.topic ?? (await onlyTopic(agent, signal));
    for (;;) {
      try {
        await readLines(agent, topic, { ...at, follow, limit: left }, signal, take);
        if (!follow || signal.aborted || left === 0) return 0;
      } catch (error) {
        if (signal.aborted) return 0;
        if (!follow || !isConnectionLost(error)) throw error;
        if (!isLost) process.stderr.write(`edgelog: ${(error as Error).message}; trying again\n`);
        isLost = true;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } finally {
    for (const release of releases) release();
  }
}

function placeOf(from: string): { offset: string } | { time: string } {
  if (/^(-?\d{1,15}|first|next)$/.test(from)) return { offset: from };
  // Date.parse finds a time in `room 7`.
  if (/^\d{4}-\d\d/.test(from) && !Number.isNaN(Date.parse(from)))
    return { time: new Date(from).toISOString() };
  throw new EdgelogError(
    'CONFIG_INVALID',
    `${COMMAND}: --from = ${JSON.stringify(from)}: expected an offset, -N, first, next, or a time as 2026-01-31T12:00:00Z`,
  );
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof EdgelogError && error.code === 'CONNECTION_LOST';
}

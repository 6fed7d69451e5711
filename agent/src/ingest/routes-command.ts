import { once } from 'node:events';
import { EdgelogError } from '@edgelog/base';
import { loadSettings, withoutControls } from '@edgelog/runtime';
import { z } from 'zod';
import { topicRoutes } from '../serial/topic-routes.ts';
import { type AgentSettings, agentFields } from '../settings.ts';
import { incoming, readCaptures } from './captures.ts';
import { createDryRun, type DryRunResult } from './dry-run.ts';
import type { Incoming } from './incoming.ts';
import { unreachableRoutes } from './unreachable.ts';

const settingsSchema = z.object({
  verb: z.enum(['check', 'test']).describe('check: are the routes in order; test: what becomes of messages'),
  config: z
    .string()
    .min(1)
    .optional()
    .describe("the agent's YAML file; default EDGELOG_CONFIG, else no routes"),
  topic: z
    .string()
    .regex(/^[^+#\0]+$/, 'expected the topic of a message, without + and #')
    .optional()
    .describe('with test: MQTT topic of a message'),
  port: z.string().min(1).optional().describe('with test: serial port of a message'),
  payload: z.string().default('').describe('with test: its payload'),
  client: z.string().default('dry-run').describe('with test: MQTT client id of its device'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'with test: messages, one JSON object a line: {"name": TOPIC, "payload": TEXT} or with base64, kind, client; - for standard input',
    ),
  listen: z
    .boolean()
    .default(false)
    .describe(
      "with test: what is published at the agent's --mqtt until interrupted; which device sent it is not known there",
    ),
  username: z.string().optional().describe('with --listen'),
  password: z.string().optional().describe('with --listen'),
  json: z.boolean().default(false).describe('one JSON object a line'),
});

/** A message matched no route, a value could not be used, or a route is never asked. */
const FINDINGS_STATUS = 3;

/**
 * `edgelog routes check|test`: nothing is stored or sent. Resolves with 0, or 3 where there is something to look at. Throws
 * CONFIG_INVALID.
 */
export async function routesCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog routes',
    summary: "Try the routes of an agent's configuration: which match a message, and what becomes of it.",
    schema: settingsSchema,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb'],
    notes: [
      'edgelog routes check --config agent.yaml',
      'edgelog routes test --config agent.yaml --topic site/north/l1/temp --payload 21.5',
      'Exit status: 0 all is routed, 3 a message matched no route, a time or payload could not be used, or a route is never asked, 1 the configuration is wrong.',
    ].join('\n'),
  });
  const agent = loadSettings({
    command: 'edgelog routes',
    summary: '',
    schema: agentFields.extend({ dataDir: z.string().default('unused') }),
    argv: settings.config === undefined ? [] : ['--config', settings.config],
    env: process.env,
  });
  const dryRun = createDryRun({ ...agent, routes: [...agent.routes, ...topicRoutes(agent.serial)] });
  if (settings.verb === 'check') return check(agent);
  const show = (message: Incoming): boolean => {
    const result = dryRun(message);
    process.stdout.write(settings.json ? `${JSON.stringify(result)}\n` : describe(result));
    return (
      result.fault === undefined && result.outcome !== 'no route' && result.outcome !== 'no route, dropped'
    );
  };
  const { topic, port, file, listen, client, payload } = settings;
  const given = [topic, port, file].filter((one) => one !== undefined).length + (listen ? 1 : 0);
  if (given !== 1) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      'edgelog routes test: expected one of --topic, --port, --file, --listen',
    );
  }
  if (listen) {
    await listenTo(agent, settings, show);
    return 0;
  }
  const messages =
    file !== undefined
      ? readCaptures(file, agent.gateway)
      : [
          topic !== undefined
            ? incoming('mqtt', topic, client, Buffer.from(payload), agent.gateway)
            : incoming('serial', port!, '', Buffer.from(payload), agent.gateway),
        ];
  const areFine = messages.map(show);
  return areFine.every(Boolean) ? 0 : FINDINGS_STATUS;
}

function check({ routes, topic, unrouted }: AgentSettings): number {
  const warnings = unreachableRoutes(routes);
  for (const warning of warnings) process.stdout.write(`warning: ${warning}\n`);
  const rest = unrouted === 'drop' ? 'what matches none is dropped' : `what matches none goes to ${topic}`;
  process.stdout.write(`${routes.length} routes; ${rest}\n`);
  return warnings.length === 0 ? 0 : FINDINGS_STATUS;
}

async function listenTo(
  { mqtt, gateway }: AgentSettings,
  { username, password }: { username?: string | undefined; password?: string | undefined },
  show: (message: Incoming) => boolean,
): Promise<void> {
  const { connectAsync } = await import('mqtt');
  const client = await connectAsync(`mqtt://${mqtt}`, {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    reconnectPeriod: 0,
  });
  client.on('message', (topic, value) => show(incoming('mqtt', topic, '', value, gateway)));
  await client.subscribeAsync('#');
  process.stderr.write(`listening at ${mqtt}, end with Ctrl-C\n`);
  await Promise.race([
    once(process, 'SIGINT'),
    once(process, 'SIGTERM'),
    new Promise((resolve) => client.once('close', () => resolve(undefined))),
  ]);
  await client.endAsync();
}

function describe({ kind, name, routes, nearest, outcome, records, fault }: DryRunResult): string {
  const lines = [`${kind} ${name}: ${outcome}${nearest === undefined ? '' : ` (nearest: ${nearest})`}`];
  for (const { route, outcome: verdict, why } of routes) {
    lines.push(`  ${route}: ${verdict}${why === '' ? '' : ` (${why})`}`);
  }
  for (const { topic, key, headers, value } of records) {
    lines.push(`  → topic ${topic}, key ${JSON.stringify(key)}, value ${value}`);
    for (const [header, text] of Object.entries(headers)) lines.push(`      ${header}: ${text}`);
  }
  if (fault !== undefined) lines.push(`  fault: ${fault}`);
  return `${lines.map(withoutControls).join('\n')}\n`;
}

import type { ClusterProcesses } from '../harness/cluster-processes.ts';
import { type Client, CODECS, type Codec } from './clients.ts';
import { failover } from './failover.ts';
import type { Hub } from './hub.ts';
import { runInOwnJvm } from './kafka-tools/runner.ts';
import { TOOL_SCENARIOS } from './kafka-tools/scenarios.ts';
import { Toolbox } from './kafka-tools/toolbox.ts';
import { type Outcome, type Results, word } from './report.ts';
import { createCodecTopics, group, readAll, seekByTime, topics, writeWith } from './scenarios.ts';
import { linesOf, perform } from './session.ts';

/** Told of every check as it ends. */
export type Note = (what: string, outcome: Outcome) => void;

/** Checks under way at once: most of a group's time is waiting. */
const AT_ONCE = 3;
const CONSUMER_GROUP_HEARTBEAT = 68;

async function outcomeOf(check: () => Promise<unknown>): Promise<Outcome> {
  try {
    await check();
    return { kind: 'ok' };
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).message };
  }
}

async function inTurns(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await job();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Installs the clients and runs every check of each; a client that cannot be installed fails as a whole. */
export async function checkClients(
  hub: Hub,
  clients: readonly Client[],
  note: Note,
): Promise<Map<Client, Results>> {
  const results = new Map<Client, Results>();
  const ready: Client[] = [];
  for (const client of clients) {
    const entry: Results = { version: '?', outcomes: new Map() };
    results.set(client, entry);
    const outcome = await outcomeOf(async () => {
      await client.install();
      entry.version = linesOf(await perform(client, 'version', {}), 'version')[0]![0]!;
    });
    note(`${client.name} ${entry.version}: install`, outcome);
    if (outcome.kind === 'ok') ready.push(client);
  }
  const check = (client: Client, name: string, body: () => Promise<Outcome>) => async (): Promise<void> => {
    const outcome = await body();
    results.get(client)!.outcomes.set(name, outcome);
    note(`${client.name}: ${name}`, outcome);
  };
  await inTurns(
    ready.flatMap((client) => ownChecks(hub, client).map(([name, body]) => check(client, name, body))),
  );

  await createCodecTopics(hub, CODECS);
  const withCodecs = (verb: string, body: (client: Client, codec: Codec) => Promise<Outcome>) =>
    ready.flatMap((client) =>
      CODECS.map((codec) => check(client, `${verb} ${codec}`, () => body(client, codec))),
    );
  await inTurns(withCodecs('write', (client, codec) => outcomeOf(() => writeWith(hub, client, codec))));
  const writers = (codec: Codec): string[] =>
    ready
      .filter((client) => results.get(client)!.outcomes.get(`write ${codec}`)!.kind === 'ok')
      .map(({ name }) => name);
  await inTurns(
    withCodecs('read', async (client, codec) =>
      client.cannotRead?.includes(codec)
        ? { kind: 'none' }
        : outcomeOf(() => readAll(hub, client, codec, writers(codec))),
    ),
  );
  return results;
}

/** The checks of one client that need no other. */
function ownChecks(hub: Hub, client: Client): [name: string, body: () => Promise<Outcome>][] {
  const none = async (): Promise<Outcome> => ({ kind: 'none' });
  const consumerGroup = async (): Promise<Outcome> => {
    if (!client.groupProtocols.includes('consumer')) return { kind: 'none' };
    if (!hub.served.has(CONSUMER_GROUP_HEARTBEAT)) return { kind: 'unserved', api: CONSUMER_GROUP_HEARTBEAT };
    return outcomeOf(() => group(hub, client, 'consumer'));
  };
  return [
    ['topics', client.admin ? () => outcomeOf(() => topics(hub, client)) : none],
    ['seek', () => outcomeOf(() => seekByTime(hub, client))],
    ['group classic', () => outcomeOf(() => group(hub, client, 'classic'))],
    ['group consumer', consumerGroup],
  ];
}

/** Each client in turn while a broker of a cluster is killed; gives what came of it in words. */
export async function checkFailovers(
  cluster: ClusterProcesses,
  clients: readonly Client[],
  note: Note,
): Promise<Map<Client, string[]>> {
  const rows = new Map<Client, string[]>();
  for (const client of clients) {
    const outcome = await outcomeOf(async () => {
      await client.install();
      const { version, records, readAgain, neededItBack } = await failover(cluster, client);
      const through = neededItBack ? 'once the broker is back' : 'yes';
      rows.set(client, [version, through, String(records), String(readAgain ?? 'known: no member')]);
    });
    if (outcome.kind !== 'ok') rows.set(client, ['?', word(outcome), '', '']);
    const known = client.whenBrokerDies === undefined ? '' : ` (known: ${client.whenBrokerDies})`;
    note(`${client.name}: a broker is killed${known}`, outcome);
  }
  return rows;
}

/** Runs Kafka's own tools one after the other, each in a JVM of its own. */
export async function checkTools(hub: Hub, dir: string, note: Note): Promise<Map<string, Outcome>> {
  const tools = new Toolbox(hub, dir, runInOwnJvm);
  const outcomes = new Map<string, Outcome>();
  for (const { name, run } of TOOL_SCENARIOS) {
    const outcome = await outcomeOf(() => run(tools));
    outcomes.set(name, outcome);
    note(name, outcome);
  }
  return outcomes;
}

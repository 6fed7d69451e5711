/** `npm run interop`: every Kafka client and Kafka's own tools against a hub, each record checked. */
import { parseArgs } from 'node:util';
import { ClusterProcesses } from '../harness/cluster-processes.ts';
import { System } from '../harness/system.ts';
import { CLIENTS } from './clients.ts';
import { startHub } from './hub.ts';
import { clientTable, failoverTable, type Outcome, toolTable } from './report.ts';
import { checkClients, checkFailovers, checkTools } from './run.ts';

const TOOLS = 'kafka-tools';
const NAMES = [...CLIENTS.map(({ name }) => name), TOOLS];

const HELP = `Usage: npm run interop [-- --cluster] [-- --client NAME]...

Starts a hub and checks it with every client: topics, produce and consume with each compression codec (each client reads
what all wrote), groups (join, rebalance, kill a member, resume), seeking by time; and with Kafka's own tools. Installs
what the clients need under node_modules/.cache/edgelog/interop. Takes about four minutes. Progress goes to stderr, the
table in Markdown to stdout; the status is 1 when something failed.

  --cluster       instead: each client in turn with a cluster of three brokers, one of which is killed while it writes and reads
  --client NAME   only this one; may be given several times. Names: ${NAMES.join(', ')}`;

const { values } = parseArgs({
  options: {
    client: { type: 'string', multiple: true, default: NAMES },
    cluster: { type: 'boolean', default: false },
    help: { type: 'boolean' },
  },
});
const unknown = values.client.find((name) => !NAMES.includes(name));

const clients = CLIENTS.filter(({ name }) => values.client.includes(name));
const failures: string[] = [];

function note(what: string, outcome: Outcome): void {
  const failed = outcome.kind === 'failed';
  console.error(
    `${failed ? 'FAILED' : outcome.kind.padEnd(6)} ${what}${failed ? `: ${outcome.reason}` : ''}`,
  );
  if (failed) failures.push(what);
}

function stopWhenAsked(system: { stop(): Promise<void> }): void {
  const stop = (): void => void system.stop().then(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

async function checkCluster(): Promise<void> {
  const cluster = await ClusterProcesses.start({ network: false });
  stopWhenAsked(cluster);
  try {
    console.log(failoverTable(await checkFailovers(cluster, clients, note)));
  } finally {
    await cluster.stop();
  }
}

async function checkHub(): Promise<void> {
  const system = await System.create();
  stopWhenAsked(system);
  try {
    const hub = await startHub(system);
    if (clients.length > 0) console.log(clientTable(await checkClients(hub, clients, note)));
    if (values.client.includes(TOOLS)) console.log(`\n${toolTable(await checkTools(hub, system.dir, note))}`);
    if (!system.hub!.alive) failures.push('the hub, which ended');
  } finally {
    await system.stop();
  }
}

async function main(): Promise<void> {
  await (values.cluster ? checkCluster() : checkHub());
  console.error(failures.length === 0 ? 'all well' : `failed: ${failures.join('; ')}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (values.help === true) console.log(HELP);
else if (unknown !== undefined) {
  console.error(`no client named ${unknown}\n\n${HELP}`);
  process.exitCode = 2;
} else await main();

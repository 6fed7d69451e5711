/** `npm run interop`: every Kafka client and Kafka's own tools against a hub, each record checked. */
import { parseArgs } from 'node:util';
import { System } from '../harness/system.ts';
import { CLIENTS } from './clients.ts';
import { startHub } from './hub.ts';
import { clientTable, type Outcome, toolTable } from './report.ts';
import { checkClients, checkTools } from './run.ts';

const TOOLS = 'kafka-tools';
const NAMES = [...CLIENTS.map(({ name }) => name), TOOLS];

const HELP = `Usage: npm run interop [-- --client NAME]...

Starts a hub and checks it with every client: topics, produce and consume with each compression codec (each client reads
what all wrote), groups (join, rebalance, kill a member, resume), seeking by time; and with Kafka's own tools. Installs
what the clients need under node_modules/.cache/edgelog/interop. Takes about four minutes. Progress goes to stderr, the
table in Markdown to stdout; the status is 1 when something failed.

  --client NAME   only this one; may be given several times. Names: ${NAMES.join(', ')}`;

const { values } = parseArgs({
  options: { client: { type: 'string', multiple: true, default: NAMES }, help: { type: 'boolean' } },
});
const unknown = values.client.find((name) => !NAMES.includes(name));

async function main(): Promise<void> {
  const system = await System.create();
  const stop = (): void => void system.stop().then(() => process.exit(130));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const failures: string[] = [];
  const note = (what: string, outcome: Outcome): void => {
    const failed = outcome.kind === 'failed';
    console.error(
      `${failed ? 'FAILED' : outcome.kind.padEnd(6)} ${what}${failed ? `: ${outcome.reason}` : ''}`,
    );
    if (failed) failures.push(what);
  };
  try {
    const hub = await startHub(system);
    const clients = CLIENTS.filter(({ name }) => values.client.includes(name));
    if (clients.length > 0) console.log(clientTable(await checkClients(hub, clients, note)));
    if (values.client.includes(TOOLS)) console.log(`\n${toolTable(await checkTools(hub, system.dir, note))}`);
    if (!system.hub!.alive) failures.push('the hub, which ended');
  } finally {
    await system.stop();
  }
  console.error(failures.length === 0 ? 'all well' : `failed: ${failures.join('; ')}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (values.help === true) console.log(HELP);
else if (unknown !== undefined) {
  console.error(`no client named ${unknown}\n\n${HELP}`);
  process.exitCode = 2;
} else await main();

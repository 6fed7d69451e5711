/** `npm run chaos -- --minutes 30 --seed N`: three brokers and three members of etcd, any of which may die. */
import { parseArgs } from 'node:util';
import { printTable } from '../bench/report.ts';
import { hasJava, kafkaJars } from '../setup/kafka-jars.ts';
import { installPeers } from '../setup/peers.ts';
import { DISK_FAULTS, FULL_DISK } from './faults/disks.ts';
import { ETCD_FAULTS } from './faults/etcd.ts';
import { NETWORK_FAULTS } from './faults/network.ts';
import { PROCESS_FAULTS } from './faults/processes.ts';
import { runChaos } from './run.ts';
import { FAULT_HEAD, faultTable } from './table.ts';

const FAULTS = [...PROCESS_FAULTS, ...NETWORK_FAULTS, ...ETCD_FAULTS, ...DISK_FAULTS];
const SMALL_DISK_MIB = 3 * 1024;
const AGENTS = 10;

const HELP = `Usage: npm run chaos [-- --minutes N] [-- --seed S] [-- --fault TEXT]...

Three brokers and three members of etcd as processes, with a network between them that can be cut, and clients of all kinds: idempotent
producers and consumers of our own, of kafkajs and of Kafka, ten agents. One fault after the other, each of them once before any comes
again; after each the cluster must be well again. At the end everything is read by several means and held against what all clients
were told. Status 1 when something is wrong; then data, logs and the whole history are kept, and it says where.

  --minutes N   how long faults go on (default 30)
  --seed S      what clients and faults draw from (default: the time); the moments stay those of the machine
  --patience N  multiplies the times that faults allow, on a machine with much other work (default 1)
  --fault TEXT  only those whose name contains it; may be given several times, each once where --minutes is not given. Names:
${[...FAULTS, FULL_DISK].map(({ name }) => `                  ${name}`).join('\n')}`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    fault: { type: 'string', multiple: true },
    patience: { type: 'string', default: '1' },
    help: { type: 'boolean' },
  },
});
const minutes =
  values.minutes === undefined && values.fault !== undefined ? undefined : Number(values.minutes ?? 30);
const seed = Number(values.seed);
const isWanted = ({ name }: { name: string }): boolean =>
  values.fault?.some((text) => name.includes(text)) ?? true;
const faults = FAULTS.filter(isWanted);
const fillsDisk = isWanted(FULL_DISK);

async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  installPeers();
  if (hasJava()) kafkaJars();
  else console.log('no Java here: without the clients of Kafka');
  console.log(`seed ${seed}`);
  const report = await runChaos({
    seed,
    faults,
    ...(minutes !== undefined && { minutes }),
    agents: AGENTS,
    java: hasJava(),
    patience: Number(values.patience),
    ...(fillsDisk && { smallDiskMiB: SMALL_DISK_MIB }),
    onProgress: (line) => console.log(line),
  });
  const { injuries, violations, counts, kept } = report;
  printTable(`\nAfter ${report.minutes.toFixed(0)} minutes, seed ${seed}`, FAULT_HEAD, faultTable(injuries));
  console.log(
    `${counts.stored} records of ${counts.streams} streams stored, ${counts.acknowledged} acknowledgements, ${violations.length} violations`,
  );
  if (kept !== undefined) console.log(`kept: ${kept}`);
  // Clients of kafkajs that gave up may have timers left.
  process.exit(violations.length === 0 ? 0 : 1);
}

if (values.help === true) console.log(HELP);
else if (
  !Number.isInteger(seed) ||
  (minutes !== undefined && !(minutes > 0)) ||
  (faults.length === 0 && !fillsDisk)
) {
  console.error(
    `--minutes is a number above 0, --seed a whole number, --fault part of a fault's name\n\n${HELP}`,
  );
  process.exitCode = 2;
} else await main();

import { parseArgs } from 'node:util';
import { runCluster } from './cluster/world.ts';
import { runGateway } from './gateway/world.ts';
import { runKafka } from './kafka/world.ts';
import { runWorld } from './world.ts';

const HELP = `npm run sim -- [--world sync|cluster|gateway|kafka] [--seeds N] [--from S] | --seed S

Without --world: sync and gateway, each with its number of seeds.

sync drives the sync protocol's real sessions through simulated worlds: connections that break, processes
that are killed, disks that are wiped, restored and cloned. After each world: nothing acknowledged is lost, nothing is
doubled, each run is in order, gaps are exact.

cluster drives the real cores of replication and leadership: three brokers, etcd, producers and consumers; brokers that are
killed, paused, cut off one way or both, disks that are slow, wiped or old, etcd without a quorum. After each world:
nothing acknowledged is lost, moved or doubled, replicas are alike, and no two leaders acknowledged in one epoch.

gateway drives the gateway's real core and its sync session: days without a hub, power cuts, full and slow disks, clocks that
jump, damage, batches that are refused, hubs and gateways that lose data or have doubles. After each world: nothing
acknowledged is lost without a gap that says so, nothing is doubled, time and positions do not go back, all drains.

kafka drives the sink that writes into an Apache Kafka cluster, in three processes over a model of Kafka: requests and answers that are
lost or late, elections, producers that are forgotten, retention, a topic made anew, processes that are killed, doubles. After
each world: every record once, in order, in one partition, nothing acknowledged missing.

  --seeds N   worlds to run (default 500, of gateway 2,000)
  --from S    first seed (default 1)
  --seed S    one world, with a trace
  --help
`;

const options = {
  seeds: { type: 'string' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  world: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const number = (flag: string, text: string) => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${flag} ${text}: a whole number from 0 is allowed`);
};

interface Outcome {
  readonly faults: readonly string[];
  readonly violations: readonly string[];
}
type Run = (options: { seed: number; trace?: (line: string) => void }) => Promise<Outcome>;
const worlds: Record<string, Run> = {
  sync: runWorld,
  cluster: runCluster,
  gateway: runGateway,
  kafka: runKafka,
};

function worldOf(name: string): Run {
  const run = worlds[name];
  if (run === undefined) throw new Error(`--world ${name}: sync, cluster, gateway or kafka is allowed`);
  return run;
}

async function replay(run: Run, seed: number): Promise<boolean> {
  const outcome = await run({ seed, trace: (line) => console.log(line) });
  console.log(JSON.stringify(outcome, undefined, 2));
  return outcome.violations.length === 0;
}

/** A world that ends by an assertion has failed like any other. */
const outcomeOf = (run: Run, seed: number): Promise<Outcome> =>
  run({ seed }).catch((error: unknown) => ({ faults: [], violations: [String(error)] }));

async function sweep(world: string, run: Run, from: number, count: number): Promise<boolean> {
  const totals: Record<string, number> = {};
  const failed: number[] = [];
  let shownAt = Date.now();
  const startedAt = shownAt;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await outcomeOf(run, seed);
    for (const [key, value] of Object.entries(outcome)) {
      if (typeof value === 'number' && key !== 'seed') totals[key] = (totals[key] ?? 0) + value;
    }
    if (outcome.violations.length > 0) {
      failed.push(seed);
      console.error(`seed ${seed} (${outcome.faults.join(', ')}): ${outcome.violations[0]}`);
      console.error(`  replay: npm run sim -- --world ${world} --seed ${seed}`);
    }
    if (Date.now() - shownAt > 5_000) {
      shownAt = Date.now();
      console.log(`${seed - from + 1} of ${count} worlds, ${failed.length} failed`);
    }
  }
  const { virtualMs = 0, ...counts } = totals;
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const told = Object.entries(counts).map(([name, value]) => `${value} ${words(name)}`);
  console.log(
    `${count} worlds in ${seconds} s: ${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${told.join(', ')}; ` +
      `${failed.length} failed${failed.length === 0 ? '' : `: seeds ${failed.join(' ')}`}`,
  );
  return failed.length === 0;
}

const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const seed = values.seed ?? positionals[0];
  if (values.help) console.log(HELP);
  else if (seed !== undefined) {
    const passed = await replay(worldOf(values.world ?? 'sync'), number('seed', seed));
    process.exitCode = passed ? 0 : 1;
  } else {
    for (const world of values.world === undefined ? ['sync', 'gateway'] : [values.world]) {
      const count = number('seeds', values.seeds ?? (world === 'gateway' ? '2000' : '500'));
      if (!(await sweep(world, worldOf(world), number('from', values.from), count))) process.exitCode = 1;
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

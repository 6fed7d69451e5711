/** `npm run kafka-faults`: the long forms of what test/kafka checks, against real Kafka. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Prng } from '@edgelog/sim';
import { startKafka } from '../harness/kafka.ts';
import type { FaultKind } from './faulty-cluster.ts';
import { scaleOut } from './scale-out.ts';
import { atRandom, FAULT_KINDS, inParallel, onceAt, tellStory } from './write-order.ts';

const HELP = `Usage: npm run kafka-faults [-- scale-out|write-order|failover] [-- --minutes N] [-- --seed S]

  scale-out    four sync gateways, a thousand simulated agents, three nodes of Kafka; one sync gateway is killed every few seconds
  write-order  gateways one after the other, six at a time, whose calls of the cluster fail, are lost or are the last of their process:
               first each call once, then for so many minutes at random; their records are new, or so old that Kafka has forgotten the producer a moment later

  failover     the tests of three nodes, with those that wait for time-outs

  --minutes N  how long (default 5)
  --agents N   scale-out: how many (default 1000)
  --seed S     what is drawn (default: the time)

Status 1 when a record is lost, doubled or out of order.`;

const OLD_MS = 30 * 86_400_000;
const AGES_MS = [0, 13 * 3_600_000, OLD_MS];
const KILL_EVERY_MS = 4_000;
const WIDTH = 6;
/** Between one fault at every so many calls and many more. */
const CALLS_PER_FAULT = [4, 30] as const;
const FAULTS_MAX = 12;
const TOPICS = [{}, {}, { 'message.timestamp.type': 'LogAppendTime' }];
/** Once such a topic has forgotten a producer, the sink has nothing to compare with, and stops the stream. */
const RECOMPRESSED = { 'compression.type': 'gzip' };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '5' },
    agents: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    help: { type: 'boolean' },
  },
});
const [part = 'scale-out', ...others] = positionals;
const [minutes, agents, seed] = [values.minutes, values.agents, values.seed].map(Number) as [
  number,
  number,
  number,
];

async function runScaleOut(): Promise<void> {
  const kafka = await startKafka({ nodes: 3 });
  try {
    const { records, drainSeconds } = await scaleOut({
      ...{ kafka, topic: 'scaled', partitions: 12, syncGateways: 4, agents, seed },
      ...{ batchEveryMs: 2_000, killEveryMs: KILL_EVERY_MS },
      kills: Math.ceil((minutes * 60_000) / KILL_EVERY_MS),
      onProgress: console.log,
    });
    console.log(
      `${records} records of ${agents} agents, each once and in order; all acknowledged ${drainSeconds.toFixed(1)} s after the end`,
    );
  } finally {
    await kafka.stop();
  }
}

async function runWriteOrder(): Promise<void> {
  const kafka = await startKafka();
  let [stories, calls, endAt] = [0, 0, 0];
  const strike = async (ageMs: number, kind: FaultKind, at: number): Promise<void> => {
    const topic = `struck-${ageMs}-${kind.replace(' ', '-')}-${at}`;
    await tellStory(kafka, { topic, ageMs, plan: onceAt(at, kind) });
  };
  const everyCall = async (ageMs: number, kind: FaultKind): Promise<void> => {
    const all = await tellStory(kafka, { topic: `whole-${ageMs}-${kind.replace(' ', '-')}`, ageMs });
    await inParallel(
      WIDTH,
      Array.from({ length: all }, (_, at) => () => strike(ageMs, kind, at)),
    );
    console.log(`${kind}, at each of ${all} calls, records ${ageMs / 3_600_000} hours old`);
  };
  const worker = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const own = seed + stories++;
      const prng = new Prng(own);
      const ageMs = prng.pick(AGES_MS);
      const configs = prng.pick(ageMs === OLD_MS ? TOPICS : [...TOPICS, RECOMPRESSED]);
      const plan = atRandom(prng, prng.between(...CALLS_PER_FAULT), FAULTS_MAX);
      try {
        calls += await tellStory(kafka, { topic: `story-${own}`, ageMs, plan, configs });
      } catch (cause) {
        throw new Error(`seed ${own}, records ${ageMs} ms old, ${JSON.stringify(configs)}`, { cause });
      }
    }
  };
  try {
    for (const ageMs of AGES_MS) for (const kind of FAULT_KINDS) await everyCall(ageMs, kind);
    endAt = performance.now() + minutes * 60_000;
    await inParallel(
      WIDTH,
      Array.from({ length: WIDTH }, () => worker),
    );
    console.log(`${stories} stories with ${calls} calls of the cluster, each record once and in order`);
  } finally {
    await kafka.stop();
  }
}

async function runFailover(): Promise<void> {
  const env = { ...process.env, EDGELOG_KAFKA_FAULTS: 'all' };
  const tests = spawn('vitest', ['run', 'test/kafka/failover.test.ts'], { stdio: 'inherit', env });
  const [code] = (await once(tests, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

const parts: Record<string, () => Promise<void>> = {
  'scale-out': runScaleOut,
  'write-order': runWriteOrder,
  failover: runFailover,
};
const run = parts[part];

if (values.help === true) console.log(HELP);
else if (
  run === undefined ||
  others.length > 0 ||
  !(minutes > 0) ||
  !(agents > 0) ||
  !Number.isInteger(seed)
) {
  console.error(`${positionals.join(' ')} --minutes ${values.minutes}: not understood\n\n${HELP}`);
  process.exitCode = 2;
} else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  console.log(`seed ${seed}`);
  await run();
}

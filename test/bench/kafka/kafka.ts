import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readings } from '../agent/payloads.ts';
import { type Broker, prepareBroker } from '../brokers.ts';
import { createTopic } from '../create-topic.ts';
import { dropPageCache } from '../disk.ts';
import { type BenchOptions, median, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds, loadAverage } from '../usage.ts';
import { Arrived } from './arrived.ts';
import { Backlog } from './backlog.ts';
import { SHARES, type Spent } from './measured.ts';
import { drain, kcat, type Produce, producerPerformance } from './producers.ts';

/** At scale 1. */
const BYTES = 1e9;
/** Whatever the scale: until the broker's JVM has compiled what it needs for each of the ways. */
const WARM_BYTES = 4e8;
const PAYLOAD_BYTES = 1_000;
const DISTINCT_PAYLOADS = 1_000;
const PARTITIONS = 6;
const COMPRESSIONS = ['none', 'zstd'] as const;
const GB = 1e9;
const MIB = 2 ** 20;

const WAYS = ['agent', 'ten agents', 'ProducerPerformance', 'kcat -P'] as const;
type Way = (typeof WAYS)[number];

interface Figures {
  /** Of payload, whatever it is compressed to. */
  readonly mbPerSecond: number;
  readonly cpuPerGb: number;
  readonly brokerCpuPerGb: number;
  readonly peakMiB: number;
  readonly mibAt: readonly number[];
}

/** A backlog of readings into one real Kafka broker, beside Kafka's own producer with the same batch sizes, and kcat. */
export async function benchKafka({ scale, rounds, batchKib }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const batchBytes = batchKib * 1024;
  const records = Math.ceil((BYTES * scale) / PAYLOAD_BYTES / 10) * 10;
  const linesFile = join(dir, 'lines');
  writeFileSync(
    linesFile,
    readings(DISTINCT_PAYLOADS, PAYLOAD_BYTES)
      .map((one) => `${one}\n`)
      .join(''),
  );
  const broker = await prepareBroker('kafka', dir);
  const figures = new Map<string, Figures[]>();
  const loads: number[] = [];
  try {
    await broker.start();
    await warmUp(broker, { dir, linesFile, batchBytes });
    for (let round = 0; round < rounds; round++)
      for (const compression of COMPRESSIONS)
        for (const way of inTurn(WAYS, round)) {
          const topic = `${way.replaceAll(/\W/g, '-')}-${compression}-${round}`;
          const id = `${way} ${compression}`;
          const one = await measure(way, broker, { dir, topic, compression, batchBytes, linesFile, records });
          figures.set(id, [...(figures.get(id) ?? []), one]);
          loads.push(loadAverage());
          process.stderr.write(`round ${round + 1}: ${id}: ${one.mbPerSecond.toFixed(0)} MB/s\n`);
        }
  } finally {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  for (const compression of COMPRESSIONS)
    printCompression({ compression, batchKib, records }, figures, loads);
}

/** A JVM that has taken nothing yet, or nothing of this kind, is a third as fast as it is later, and would be so for whoever came first. */
async function warmUp(
  broker: Broker,
  given: { dir: string; linesFile: string; batchBytes: number },
): Promise<void> {
  const records = WARM_BYTES / PAYLOAD_BYTES;
  for (const compression of COMPRESSIONS)
    for (const way of ['ProducerPerformance', 'agent'] as const) {
      const topic = `warm-${way}-${compression}`;
      await measure(way, broker, { ...given, topic, compression, records });
    }
}

async function measure(
  way: Way,
  broker: Broker,
  given: Omit<Produce, 'bootstrap' | 'arrived'> & { dir: string },
): Promise<Figures> {
  const { bootstrap } = broker;
  const { dir, topic, compression, batchBytes, records } = given;
  await createTopic(broker.port, topic, PARTITIONS);
  makeRoom();
  const backlogs: Backlog[] = [];
  const gateways = way === 'agent' ? 1 : way === 'ten agents' ? 10 : 0;
  for (let i = 0; i < gateways; i++) {
    const options = { dir: join(dir, topic), gateway: `gateway-${i}`, topic, compression, batchBytes };
    backlogs.push(
      await Backlog.fill({ ...options, records: records / gateways, payloadBytes: PAYLOAD_BYTES }),
    );
  }
  execFileSync('sync');
  const arrived = await Arrived.open(broker, topic, PARTITIONS);
  const work = { ...given, bootstrap, arrived };
  const before = cpuSeconds(broker.process);
  let spent: Spent & { records?: number };
  if (gateways > 0) spent = await drain(backlogs, work);
  else if (way === 'kcat -P') spent = await kcat(work);
  else spent = await producerPerformance(work);
  arrived.close();
  const gb = ((spent.records ?? records) * PAYLOAD_BYTES) / GB;
  rmSync(join(dir, topic), { recursive: true, force: true });
  return {
    mbPerSecond: (gb * 1_000) / spent.seconds,
    cpuPerGb: spent.cpuSeconds / gb,
    brokerCpuPerGb: (cpuSeconds(broker.process) - before) / gb,
    peakMiB: spent.peakBytes / MIB,
    mibAt: spent.bytesAt.map((bytes) => bytes / MIB),
  };
}

function printCompression(
  { compression, batchKib, records }: { compression: string; batchKib: number; records: number },
  figures: ReadonlyMap<string, readonly Figures[]>,
  loads: readonly number[],
): void {
  const all = (way: Way) => figures.get(`${way} ${compression}`)!;
  const of = (way: Way, field: Exclude<keyof Figures, 'mibAt'>): number =>
    median(all(way).map((one) => one[field]));
  const load = `load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
  printTable(
    `${records} readings of ${PAYLOAD_BYTES} B into one Kafka 4.1 broker, acks=all, batches of ${batchKib} KiB, compression ${compression}; ${load}`,
    [
      '',
      'MB/s of readings',
      'to ProducerPerformance',
      'CPU s per GB',
      "broker's CPU s per GB",
      'private MiB at most',
      `at ${SHARES.map((share) => `${100 * share} %`).join(', ')}`,
    ],
    WAYS.map((way) => [
      way,
      of(way, 'mbPerSecond').toFixed(0),
      (of(way, 'mbPerSecond') / of('ProducerPerformance', 'mbPerSecond')).toFixed(2),
      of(way, 'cpuPerGb').toFixed(1),
      of(way, 'brokerCpuPerGb').toFixed(1),
      of(way, 'peakMiB').toFixed(0),
      SHARES.map((_, i) => median(all(way).map(({ mibAt }) => mibAt[i]!)).toFixed(0)).join(', '),
    ]),
  );
}

/**
 * Memory that a virtual machine has never touched costs its host's page faults, and whoever is first to fill it with a log pays for them: by far
 * more than for the rest. So all write into what has been used before, where this may be asked for.
 */
function makeRoom(): void {
  execFileSync('sync');
  dropPageCache();
}

/** So that none always follows the same other. */
function inTurn<T>(list: readonly T[], round: number): T[] {
  const at = round % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

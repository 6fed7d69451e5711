import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, TestProcess } from '../harness/process.ts';
import { type Broker, type BrokerName, prepareBroker } from './brokers.ts';
import { createTopic } from './create-topic.ts';
import { dropPageCache } from './disk.ts';
import { producerPerformance } from './kafka-tools.ts';
import type { ReadGeneratorOptions, ReadLatency } from './read-generator.ts';
import { cellsOf, openEmpty, reopen } from './reopen.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';

const GENERATOR = fileURLToPath(new URL('./read-generator.ts', import.meta.url));
const SIZE_BYTES = 1000;
/** Records at scale 1: 10 GB to be read, 2 GB written meanwhile. */
const STORED = 10_000_000;
const FRESH = 2_000_000;
const TOPICS = ['stored', 'fresh'];
const PARTITIONS = 6;
const LARGE_BATCHES = ['batch.size=131072', 'linger.ms=5'];
const NAMES: readonly BrokerName[] = ['kafka', 'hub'];

/**
 * A consumer reads from the start of a long log while a producer writes as fast as it can; then the broker is started again on
 * what it has stored.
 */
export async function benchBacklog({ scale }: BenchOptions): Promise<void> {
  const measured: [BrokerName, Measured][] = [];
  for (const name of NAMES) measured.push([name, await measure(name, scale)]);
  const storedGb = ((STORED * SIZE_BYTES * scale) / 1e9).toFixed(1);
  printTable(
    `a consumer reading ${storedGb} GB from the start, first from the disk, while a producer of 1 KB records runs at full speed`,
    ['broker', 'produce MB/s', 'ack p99 ms', 'fetch MB/s', 'fetch p50 ms', 'fetch p99 ms', 'private MiB'],
    measured.map(([name, { load }]) => [name, ...load]),
  );
  printTable(
    `start to first answer, page cache empty: seconds, and MiB read from the disk, the program itself included`,
    ['broker', 'GB stored', 'after SIGTERM s', 'MiB', 'after kill -9 s', 'MiB', 'nothing stored s', 'MiB'],
    measured.map(([name, { starts }]) => [name, ...starts]),
  );
}

/** Cells of the two tables. */
interface Measured {
  load: string[];
  starts: string[];
}

async function measure(name: BrokerName, scale: number): Promise<Measured> {
  const dir = scratchDir();
  const broker = await prepareBroker(name, dir);
  try {
    await broker.start();
    for (const topic of TOPICS) await createTopic(broker.port, topic, PARTITIONS);
    const produce = (topic: string, records: number) => {
      const work = {
        topic,
        records: Math.ceil(records * scale),
        sizeBytes: SIZE_BYTES,
        props: LARGE_BATCHES,
      };
      return producerPerformance(broker.bootstrap, work);
    };
    await produce('stored', STORED);
    await run('sync', []);
    dropPageCache();
    const reader = readWhile(broker);
    const { mibPerSecond, p99Ms } = await produce('fresh', FRESH);
    const read = await reader.stop();
    const figures = [mibPerSecond, p99Ms, read.mibPerSecond, read.p50Ms, read.p99Ms];
    const privateMib = (broker.process.privateBytes() / 2 ** 20).toFixed(0);
    const load = [...figures.map((figure) => figure.toFixed(1)), privateMib];
    return { load, starts: await measureStarts(broker, scale) };
  } finally {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureStarts(broker: Broker, scale: number): Promise<string[]> {
  const storedGb = ((STORED + FRESH) * SIZE_BYTES * scale) / 1e9;
  await broker.stop();
  const clean = await reopen(broker, TOPICS);
  await broker.stop('SIGKILL');
  const killed = await reopen(broker, TOPICS);
  await broker.stop();
  const empty = await openEmpty(broker.name);
  return [storedGb.toFixed(1), ...[clean, killed, empty].flatMap(cellsOf)];
}

function readWhile(broker: Broker): { stop(): Promise<ReadLatency> } {
  const options: ReadGeneratorOptions = { port: broker.port, topic: 'stored', partitions: PARTITIONS };
  const reader = new TestProcess('reader', process.execPath, [GENERATOR, JSON.stringify(options)]);
  return {
    async stop() {
      reader.child.stdin!.end();
      const { code } = await reader.exited;
      if (code !== 0) throw new Error(`the reader failed:\n${reader.output()}`);
      return JSON.parse(reader.stdout) as ReadLatency;
    },
  };
}

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, TestProcess } from '../harness/process.ts';
import { type Broker, type BrokerName, prepareBroker } from './brokers.ts';
import { createTopic } from './create-topic.ts';
import { producerPerformance } from './kafka-tools.ts';
import type { ReadGeneratorOptions, ReadLatency } from './read-generator.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';

const GENERATOR = fileURLToPath(new URL('./read-generator.ts', import.meta.url));
const SIZE_BYTES = 1000;
/** Records at scale 1: 10 GB to be read, 1 GB written meanwhile. */
const STORED = 10_000_000;
const FRESH = 1_000_000;
const PARTITIONS = 6;
const LARGE_BATCHES = ['batch.size=131072', 'linger.ms=5'];
const NAMES: readonly BrokerName[] = ['kafka', 'hub'];

/** A consumer reads from the start of a long log while a producer writes as fast as it can. */
export async function benchBacklog({ scale }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const name of NAMES) rows.push([name, ...(await measure(name, scale))]);
  printTable(
    `a consumer reading ${(10 * scale).toFixed(1)} GB from the start while a producer of 1 KB records runs at full speed`,
    ['broker', 'produce MB/s', 'ack p99 ms', 'fetch MB/s', 'fetch p50 ms', 'fetch p99 ms'],
    rows,
  );
}

async function measure(name: BrokerName, scale: number): Promise<string[]> {
  const dir = scratchDir();
  const broker = await prepareBroker(name, dir);
  try {
    await broker.start();
    for (const topic of ['stored', 'fresh']) await createTopic(broker.port, topic, PARTITIONS);
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
    const reader = readWhile(broker);
    const { mibPerSecond, p99Ms } = await produce('fresh', FRESH);
    const read = await reader.stop();
    return [mibPerSecond, p99Ms, read.mibPerSecond, read.p50Ms, read.p99Ms].map((n) => n.toFixed(1));
  } finally {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function readWhile(broker: Broker): { stop(): Promise<ReadLatency> } {
  const options: ReadGeneratorOptions = { port: broker.port, topic: 'stored', partition: 0 };
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

import { rmSync } from 'node:fs';
import { ackLatency } from './ack-latency.ts';
import { type BrokerName, prepareBroker } from './brokers.ts';
import { createTopic } from './create-topic.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';

/** At scale 1. */
const PARTITIONS = 5_000;
const TOPIC = 'wide';
const LOAD = { recordsPerSecond: 5_000, sizeBytes: 100, warmUpMs: 5_000, durationMs: 10_000 };
const NAMES: readonly BrokerName[] = ['kafka', 'hub'];

/** A topic of very many partitions: making it, writing to all of them, and starting with it. */
export async function benchPartitions({ scale }: BenchOptions): Promise<void> {
  const partitions = Math.ceil(PARTITIONS * scale);
  const rows: string[][] = [];
  for (const name of NAMES) rows.push([name, ...(await measure(name, partitions))]);
  printTable(
    `${partitions.toLocaleString('en')} partitions, ${LOAD.recordsPerSecond} rec/s of ${LOAD.sizeBytes} B to all of them in turn`,
    ['broker', 'create s', 'ack p50 ms', 'ack p99 ms', 'private MiB', 'restart s', 'private MiB after'],
    rows,
  );
}

async function measure(name: BrokerName, partitions: number): Promise<string[]> {
  const dir = scratchDir();
  const broker = await prepareBroker(name, dir);
  try {
    await broker.start();
    const startedAt = performance.now();
    await createTopic(broker.port, TOPIC, partitions);
    const createSeconds = (performance.now() - startedAt) / 1000;
    const { p50Ms, p99Ms } = await ackLatency({ ...LOAD, port: broker.port, topic: TOPIC, partitions });
    const mib = (): string => (broker.process.privateBytes() / 2 ** 20).toFixed(0);
    const loaded = mib();
    await broker.stop();
    const restartSeconds = await broker.start([TOPIC]);
    return [
      createSeconds.toFixed(2),
      p50Ms.toFixed(1),
      p99Ms.toFixed(1),
      loaded,
      restartSeconds.toFixed(2),
      mib(),
    ];
  } finally {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

import { run } from '../harness/process.ts';
import { ackLatency } from './ack-latency.ts';
import type { Broker } from './brokers.ts';
import { createTopic } from './create-topic.ts';
import { consumerPerformance, producerPerformance } from './kafka-tools.ts';
import type { BenchOptions } from './report.ts';
import { cpuSeconds } from './usage.ts';

export const PARTITIONS = 6;

/** `records` at scale 1. */
export const LOADS = [
  { name: '100 B, default batches', records: 3_000_000, sizeBytes: 100, props: [] },
  { name: '1 KB, default batches', records: 500_000, sizeBytes: 1000, props: [] },
  {
    name: '1 KB, 128 KB batches, linger 5',
    records: 500_000,
    sizeBytes: 1000,
    props: ['batch.size=131072', 'linger.ms=5'],
  },
] as const;

const STEADY = { recordsPerSecond: 5_000, sizeBytes: 100, warmUpMs: 3_000 };
const STEADY_MS = 10_000;

/** What one broker did of one work; what a work does not tell is left out. */
export interface Figures {
  recordsPerSecond?: number;
  mibPerSecond?: number;
  p50Ms?: number;
  p99Ms?: number;
  /** Of the broker, and the payload it was spent on. */
  cpuSeconds?: number;
  payloadBytes?: number;
}

export interface Work {
  /** Unique; the name of its row. */
  name: string;
  kind: 'produce' | 'consume' | 'acknowledge';
  run(broker: Broker, round: number): Promise<Figures>;
}

/** What every broker does in each round, in this order: a consumer reads what the producer before it wrote. */
export function works(scale: number, only: BenchOptions['only'] = 'all'): Work[] {
  const all = [...LOADS.flatMap((load, index) => throughput(load, index, scale)), steady(scale)];
  return all.filter(
    ({ kind }) => only === 'all' || kind === only || (only === 'consume' && kind === 'produce'),
  );
}

/** Topics that `works` has made by the end of this round. */
export const topicOf = (index: number, round: number): string => `bench-${index}-${round}`;

function throughput(load: (typeof LOADS)[number], index: number, scale: number): Work[] {
  const { name, sizeBytes, props } = load;
  const records = Math.ceil(load.records * scale);
  return [
    {
      name: `produce ${name}`,
      kind: 'produce',
      run: async (broker, round) => {
        const topic = topicOf(index, round);
        await createTopic(broker.port, topic, PARTITIONS);
        await settle();
        return withCpu(broker, records * sizeBytes, () =>
          producerPerformance(broker.bootstrap, { topic, records, sizeBytes, props }),
        );
      },
    },
    {
      name: `consume ${name}`,
      kind: 'consume',
      run: async (broker, round) => {
        await settle();
        return withCpu(broker, records * sizeBytes, () =>
          consumerPerformance(broker.bootstrap, topicOf(index, round), records),
        );
      },
    },
  ];
}

function steady(scale: number): Work {
  return {
    name: `acknowledge ${STEADY.recordsPerSecond} rec/s of ${STEADY.sizeBytes} B, linger 0`,
    kind: 'acknowledge',
    run: async (broker, round) => {
      const topic = topicOf(LOADS.length, round);
      await createTopic(broker.port, topic, PARTITIONS);
      await settle();
      const { p50Ms, p99Ms } = await ackLatency({
        ...STEADY,
        port: broker.port,
        topic,
        partitions: PARTITIONS,
        durationMs: Math.max(1_000, STEADY_MS * scale),
      });
      return { p50Ms, p99Ms };
    },
  };
}

/** What others left dirty in the page cache is written now, not in the middle of the next work. */
async function settle(): Promise<void> {
  await run('sync', []);
}

async function withCpu(broker: Broker, payloadBytes: number, load: () => Promise<Figures>): Promise<Figures> {
  const before = cpuSeconds(broker.process);
  const figures = await load();
  return { ...figures, cpuSeconds: cpuSeconds(broker.process) - before, payloadBytes };
}

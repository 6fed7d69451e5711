import { run } from '../harness/process.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';

const TIMEOUT_MS = 900_000;

/** Runs a Kafka tool and answers its last line of output. */
async function tool(mainClass: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(
    'java',
    kafkaTool(`org.apache.kafka.tools.${mainClass}`, ...args),
    {
      timeoutMs: TIMEOUT_MS,
    },
  );
  if (code !== 0) throw new Error(`${mainClass} ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim().split('\n').at(-1)!;
}

export interface ProduceWork {
  topic: string;
  records: number;
  sizeBytes: number;
  /** `name=value` of the producer. */
  props: readonly string[];
  /** Default: as fast as it can. */
  recordsPerSecond?: number;
}

export interface Produced {
  recordsPerSecond: number;
  mibPerSecond: number;
  /** From send() to acknowledgement, the time in the producer's queue included. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const PRODUCED =
  /([\d.]+) records\/sec \(([\d.]+) MB\/sec\), [\d.]+ ms avg latency, ([\d.]+) ms max latency, (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th/;

/** ProducerPerformance with acks=all. */
export async function producerPerformance(bootstrap: string, work: ProduceWork): Promise<Produced> {
  const { topic, records, sizeBytes, props, recordsPerSecond = -1 } = work;
  const load = ['--topic', topic, '--num-records', String(records), '--record-size', String(sizeBytes)];
  const producer = ['--producer-props', `bootstrap.servers=${bootstrap}`, 'acks=all', ...props];
  const line = await tool(
    'ProducerPerformance',
    ...load,
    '--throughput',
    String(recordsPerSecond),
    ...producer,
  );
  const figures = PRODUCED.exec(line)?.slice(1).map(Number);
  if (figures === undefined) throw new Error(`ProducerPerformance printed ${line}`);
  const [perSecond, mibPerSecond, maxMs, p50Ms, p99Ms] = figures as [number, number, number, number, number];
  return { recordsPerSecond: perSecond, mibPerSecond, p50Ms, p99Ms, maxMs };
}

export interface Consumed {
  recordsPerSecond: number;
  mibPerSecond: number;
}

/** Columns of ConsumerPerformance: what was fetched over the time after the group was joined. */
const FETCH_MIB_PER_SECOND = 8;
const FETCH_RECORDS_PER_SECOND = 9;

/** ConsumerPerformance over a whole topic. */
export async function consumerPerformance(
  bootstrap: string,
  topic: string,
  records: number,
): Promise<Consumed> {
  const line = await tool(
    'ConsumerPerformance',
    ...['--bootstrap-server', bootstrap, '--topic', topic, '--messages', String(records)],
  );
  const fields = line.split(',').map(Number);
  return {
    recordsPerSecond: fields[FETCH_RECORDS_PER_SECOND]!,
    mibPerSecond: fields[FETCH_MIB_PER_SECOND]!,
  };
}

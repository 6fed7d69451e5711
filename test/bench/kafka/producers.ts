import { createReadStream } from 'node:fs';
import { TestProcess } from '../../harness/process.ts';
import { until } from '../../harness/wait.ts';
import { kafkaTool } from '../../setup/kafka-jars.ts';
import type { Arrived } from './arrived.ts';
import type { Backlog, DrainingAgent } from './backlog.ts';
import { measured, type Spent } from './measured.ts';

const LINGER_MS = 5;
const WAIT_MS = 900_000;
const POLL_MS = 20;

export interface Produce {
  readonly bootstrap: string;
  readonly topic: string;
  readonly compression: string;
  readonly batchBytes: number;
  /** One line of it is one record. */
  readonly linesFile: string;
  readonly records: number;
  /** Into that topic. */
  readonly arrived: Arrived;
}

/** Kafka's own ProducerPerformance, with batches as large as the agent's; from its start to its end, the JVM's included. */
export async function producerPerformance(work: Produce): Promise<Spent> {
  const { bootstrap, topic, compression, batchBytes, linesFile, records } = work;
  const producer = [
    ...[`bootstrap.servers=${bootstrap}`, 'acks=all', `compression.type=${compression}`],
    ...[`batch.size=${batchBytes}`, `linger.ms=${LINGER_MS}`],
  ];
  const args = [
    ...['--topic', topic, '--num-records', String(records), '--throughput', '-1'],
    ...['--payload-file', linesFile, '--producer-props', ...producer],
  ];
  const process = new TestProcess(
    'ProducerPerformance',
    'java',
    kafkaTool('org.apache.kafka.tools.ProducerPerformance', ...args),
  );
  const spent = await measured([process], work, process.exited);
  const seconds = ownSeconds(process, records);
  return { ...spent, seconds };
}

const SUMMARY = /(\d+) records sent, ([\d.]+) records\/sec/g;

/** By its own account, which leaves the start of the JVM out. */
function ownSeconds(process: TestProcess, records: number): number {
  const [, sent, perSecond] = [...process.stdout.matchAll(SUMMARY)].at(-1) ?? [];
  if (Number(sent) !== records)
    throw new Error(`ProducerPerformance did not send ${records} records:\n${process.output()}`);
  return records / Number(perSecond);
}

/** `kcat -P`, as many lines as asked for through its standard input. */
export async function kcat(work: Produce): Promise<Spent> {
  const { bootstrap, topic, compression, batchBytes, linesFile, records } = work;
  const settings = [
    ...['acks=all', `compression.codec=${compression}`, `batch.size=${batchBytes}`],
    ...[`linger.ms=${LINGER_MS}`, 'enable.idempotence=true'],
  ];
  const args = ['-b', bootstrap, '-P', '-t', topic, ...settings.flatMap((setting) => ['-X', setting])];
  const process = new TestProcess('kcat', 'kcat', args);
  const spent = measured([process], work, process.exited);
  void feed(process, linesFile, records);
  const result = await spent;
  const { code } = await process.exited;
  if (code !== 0) throw new Error(`kcat ended with ${code}:\n${process.output()}`);
  return result;
}

/** The lines of the file over and over, until so many are written. */
async function feed({ child }: TestProcess, linesFile: string, records: number): Promise<void> {
  const stdin = child.stdin!;
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(linesFile)) chunks.push(chunk as Buffer);
  const lines = Buffer.concat(chunks);
  const perFile = lines.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
  let left = records;
  while (left > 0) {
    const part = left >= perFile ? lines : firstLines(lines, left);
    left -= perFile;
    if (!stdin.write(part)) await new Promise((done) => stdin.once('drain', done));
  }
  stdin.end();
}

function firstLines(lines: Buffer, count: number): Buffer {
  let end = 0;
  for (let i = 0; i < count; i++) end = lines.indexOf(10, end) + 1;
  return lines.subarray(0, end);
}

/** Agents that have it all on their disks, from the word to send until each knows that Kafka has all of it; `records`: sent meanwhile. */
export async function drain(
  backlogs: readonly Backlog[],
  { bootstrap, arrived, records }: Produce,
): Promise<Spent & { records: number }> {
  const agents: DrainingAgent[] = [];
  try {
    for (const backlog of backlogs) agents.push(await backlog.start(bootstrap));
    const lags = await Promise.all(agents.map((agent) => agent.lag()));
    // Kafka is asked, and the agents only at the end: on two cores ten processes that are asked all the time have less left to send with.
    const drained = async (): Promise<void> => {
      await Promise.all(agents.map((agent) => agent.setPaused(false)));
      await until('all is at Kafka', async () => (await arrived.count()) >= records, WAIT_MS, POLL_MS);
      const know = agents.map((agent) =>
        until('all is acknowledged', async () => (await agent.lag()) === 0, WAIT_MS, POLL_MS),
      );
      await Promise.all(know);
    };
    const spent = await measured(
      agents.map(({ process }) => process),
      { arrived, records },
      drained(),
    );
    return { ...spent, records: lags.reduce((sum, lag) => sum + lag, 0) };
  } finally {
    for (const { process } of agents) await process.stop();
  }
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../harness/ports.ts';
import { edgelog, run } from '../harness/process.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';
import { printProfile, profiled } from './profile.ts';
import { type BenchOptions, printTable } from './report.ts';

/** `records` at scale 1. */
const WORK: readonly { name: string; records: number; sizeBytes: number; props: readonly string[] }[] = [
  { name: 'produce 100 B, default batches', records: 3_000_000, sizeBytes: 100, props: [] },
  { name: 'produce 1 KB, default batches', records: 500_000, sizeBytes: 1000, props: [] },
  {
    name: 'produce 1 KB, 128 KB batches, linger 5 ms',
    records: 500_000,
    sizeBytes: 1000,
    props: ['batch.size=131072', 'linger.ms=5'],
  },
];
const PARTITIONS = 6;

/** Runs a Kafka tool and answers its last line of output. */
async function tool(mainClass: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('java', kafkaTool(mainClass, ...args), { timeoutMs: 600_000 });
  if (code !== 0) throw new Error(`${mainClass} ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim().split('\n').at(-1)!;
}

/** Kafka's own load tools against the hub, acks=all. */
export async function benchHub({ scale, profile }: BenchOptions): Promise<void> {
  const parent = join(import.meta.dirname, '../../node_modules/.cache/edgelog');
  mkdirSync(parent, { recursive: true });
  const dir = mkdtempSync(join(parent, 'bench-'));
  const [kafka, sync, http] = await freePorts(3);
  const bootstrap = `127.0.0.1:${kafka}`;
  const addresses = ['--kafka', bootstrap, '--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${http}`];
  const profiling = profile ? profiled() : undefined;
  const hub = edgelog(['hub', '--data-dir', join(dir, 'log'), ...addresses], profiling?.env);
  await hub.ready();
  try {
    const rows: string[][] = [];
    for (const [index, { name, records, sizeBytes, props }] of WORK.entries()) {
      const topic = `bench-${index}`;
      const count = String(Math.ceil(records * scale));
      const create = ['--create', '--topic', topic, '--partitions', String(PARTITIONS)];
      await tool('org.apache.kafka.tools.TopicCommand', '--bootstrap-server', bootstrap, ...create);
      const produced = await tool(
        'org.apache.kafka.tools.ProducerPerformance',
        ...[
          '--topic',
          topic,
          '--num-records',
          count,
          '--record-size',
          String(sizeBytes),
          '--throughput',
          '-1',
        ],
        ...['--producer-props', `bootstrap.servers=${bootstrap}`, 'acks=all', ...props],
      );
      const [, rate, mb, , , p50, , p99] =
        /([\d.]+) records\/sec \(([\d.]+) MB\/sec\), ([\d.]+) ms avg latency, ([\d.]+) ms max latency, (\d+) ms 50th, (\d+) ms 95th, (\d+) ms 99th/.exec(
          produced,
        )!;
      rows.push([name, Math.round(Number(rate)).toLocaleString('en'), mb!, p50!, p99!]);
      const consumed = await tool(
        'org.apache.kafka.tools.ConsumerPerformance',
        ...['--bootstrap-server', bootstrap, '--topic', topic, '--messages', count],
      );
      const fields = consumed.split(',').map((field) => field.trim());
      rows.push([`consume the same`, Math.round(Number(fields[5])).toLocaleString('en'), fields[3]!, '', '']);
      process.stderr.write(`${name}: done\n`);
    }
    printTable(
      'Kafka 4.1 ProducerPerformance / ConsumerPerformance against the hub, 6 partitions, acks=all, flushed before every ack',
      ['work', 'records/s', 'MB/s', 'p50 ms', 'p99 ms'],
      rows,
    );
    console.log(`private memory of the hub at the end: ${(hub.privateBytes() / 2 ** 20).toFixed(0)} MiB\n`);
  } finally {
    await hub.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  if (profiling !== undefined) printProfile('the hub under all of this', profiling.folder);
}

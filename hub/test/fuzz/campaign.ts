import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Prng } from '@edgelog/sim';
import { apis } from '@edgelog/wire';
import { batchOf } from '../support/batches.ts';
import { HubProcess } from '../support/hub-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { ATTACKS, type Attack, Attackers } from './attackers.ts';
import { TARGET } from './frames.ts';
import { Witness } from './witness.ts';

const ATTACKERS = 12;
/** What the process may hold at most: its pools, their budgets, and room for the collector. */
const PRIVATE_MIB_MAX = 480;
/**
 * From this length on the last quarter is compared with the one before. For some minutes the C library's heap fills with holes between
 * buffers of every size; what goes on growing after that is a leak.
 */
const TREND_SECONDS_MIN = 480;
const TREND_MAX = 1.1;
const SAMPLE_MS = 1000;
const WARM_UP_MS = 1500;
/** Otherwise glibc keeps large freed buffers for itself, and it is not what the hub holds that is judged. */
const PLAIN_MALLOC = { MALLOC_MMAP_THRESHOLD_: '131072' };

export interface CampaignReport {
  attacks: Record<Attack, number>;
  roundTrips: number;
  slowestMs: number;
  /** Private memory: after the warm-up, at most, and the medians of the last two quarters. */
  memoryMiB: { first: number; most: number; early: number; late: number };
  /** What went wrong; empty when the hub held. */
  failures: string[];
}

export interface CampaignOptions {
  seconds: number;
  seed: number;
  onProgress?: (line: string) => void;
}

/** Starts a hub, lets clients misbehave for a while, and says what became of the hub and of a client that behaves. */
export async function runCampaign({ seconds, seed, onProgress }: CampaignOptions): Promise<CampaignReport> {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-fuzz-'));
  const ports = ['--kafka', '127.0.0.1:0', '--sync', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const settings = ['--data-dir', dir, ...ports, '--log-level', 'error', '--no-auto-create-topics'];
  const hub = new HubProcess(settings, { env: PLAIN_MALLOC });
  try {
    await hub.ready();
    const report = await attack(hub, { seconds, seed, ...(onProgress && { onProgress }) });
    const status = await hub.end('SIGTERM');
    if (status !== 0) report.failures.push(`the hub ended with status ${status}: ${hub.stderr.slice(-2000)}`);
    const errors = hub.stderr.split('\n').filter((line) => line.includes('"level":"error"'));
    for (const line of [...new Set(errors.map(withoutTime))].slice(0, 20)) report.failures.push(line);
    return report;
  } finally {
    hub.child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

async function attack(
  hub: HubProcess,
  { seconds, seed, onProgress }: CampaignOptions,
): Promise<CampaignReport> {
  const port = Number(/kafka=127\.0\.0\.1:(\d+)/.exec(hub.stdout)![1]);
  const topic = `witness-${randomUUID()}`;
  await createTopics(port, topic);
  const witness = await Witness.connect(port, topic);
  const attackers = new Attackers(port);
  const startedAt = performance.now();
  const failures: string[] = [];
  const isOver = () => performance.now() - startedAt > seconds * 1000 || failures.length > 0;
  const fail = (error: unknown) => void failures.push(error instanceof Error ? error.message : String(error));
  let isAttacked = true;
  void hub.exited().then(() => isAttacked && fail('the hub ended by itself'));
  const prng = new Prng(seed);
  const running = [
    witness.run(isOver),
    ...Array.from({ length: ATTACKERS }, (_, i) =>
      attackers.run(ATTACKS[i % ATTACKS.length]!, prng.fork(), isOver),
    ),
  ];
  const all = Promise.all(running.map((one) => one.catch(fail)));
  await Promise.race([all, sleep(WARM_UP_MS)]);
  const samples = [privateMiB(hub)];
  for (let shownAt = startedAt; !isOver(); await sleep(SAMPLE_MS)) {
    samples.push(privateMiB(hub));
    if (performance.now() - shownAt < 5000) continue;
    shownAt = performance.now();
    const attacks = Object.values(attackers.counts).reduce((sum, count) => sum + count, 0);
    const memory = `${samples.at(-1)} MiB private, ${samples[0]} at first`;
    onProgress?.(
      `${Math.round((shownAt - startedAt) / 1000)} s: ${attacks} attacks, ${witness.roundTrips} round trips, ${memory}`,
    );
  }
  await all;
  isAttacked = false;
  attackers.close();
  const memoryMiB = {
    first: samples[0]!,
    most: Math.max(...samples),
    early: middle(samples.slice(samples.length * 0.5, samples.length * 0.75)),
    late: middle(samples.slice(samples.length * 0.75)),
  };
  const { most, early, late } = memoryMiB;
  if (most > PRIVATE_MIB_MAX) failures.push(`private memory was ${most} MiB`);
  if (seconds >= TREND_SECONDS_MIN && late > TREND_MAX * early)
    failures.push(`private memory went from ${early} to ${late} MiB`);
  const { roundTrips, slowestMs } = witness;
  return { attacks: attackers.counts, roundTrips, slowestMs, memoryMiB, failures };
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** The attackers' topic holds enough that a response to all of it cannot be sent at once. */
async function createTopics(port: number, witnessTopic: string): Promise<void> {
  const client = await RawClient.connect(port);
  const make = (name: string, numPartitions: number) => ({
    name,
    numPartitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  });
  await client.call(apis.createTopics, 5, { topics: [make(witnessTopic, 1), make(TARGET, 4)] });
  for (let i = 0; i < 16; i++) {
    const records = batchOf(['x'.repeat(500_000)]);
    const topicData = [{ name: TARGET, partitionData: [{ index: i % 4, records }] }];
    await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
  }
  client.end();
}

function privateMiB({ child }: HubProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

function withoutTime(line: string): string {
  return line.replace(/"time":"[^"]*",?/, '').slice(0, 1000);
}

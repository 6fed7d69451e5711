import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createTopic } from '../bench/create-topic.ts';
import { firstAnswer } from '../bench/first-answer.ts';
import { scratchDir } from '../bench/scratch.ts';
import { cpuSeconds, loadAverage } from '../bench/usage.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog, type TestProcess } from '../harness/process.ts';
import { sleep, until } from '../harness/wait.ts';
import type { Followed } from './follow-load.ts';
import { type HubSample, sampleHub } from './hub-sample.ts';
import { LoadProcess } from './intervals.ts';
import type { Produced } from './produce-load.ts';
import { configsOf, type SoakTopic, TOPICS } from './streams.ts';
import {
  type Finding,
  FREED_WITHIN_SECONDS,
  type Interval,
  judge,
  SEGMENTS_BESIDES,
  type VerdictOptions,
} from './verdict.ts';

/** It is run as it is shipped. */
const HUB_DEFAULTS = { segmentBytes: 256 * 2 ** 20, deadShare: 0.5 };
const INTERVAL_SECONDS_MAX = 60;
const INTERVALS_MIN = 12;
const MIB = 2 ** 20;

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface SoakOptions {
  minutes: number;
  print: (line: string) => void;
  /** Between two of the hub's looks for what has expired; its default without. */
  retentionCheckSeconds?: number;
  topics?: readonly SoakTopic[];
}

/** Writes and reads at full speed while retention deletes as much as comes in. Resolves with what was found. */
export async function soak(options: SoakOptions): Promise<Finding[]> {
  const { retentionCheckSeconds = 30, topics = TOPICS } = options;
  const dir = scratchDir();
  const [port, sync, http] = (await freePorts(3)) as [number, number, number];
  const addresses = { '--kafka': port, '--sync': sync, '--http': http };
  const flags = Object.entries(addresses).flatMap(([flag, value]) => [flag, `127.0.0.1:${value}`]);
  const settings = ['--retention-check-ms', String(retentionCheckSeconds * 1000), '--log-level', 'warn'];
  const hub = edgelog(['hub', '--data-dir', dir, ...flags, ...settings]);
  try {
    await hub.ready();
    await firstAnswer(port);
    for (const topic of topics) await createTopic(port, topic.name, topic.partitions, configsOf(topic));
    const limits = { ...HUB_DEFAULTS, retentionCheckSeconds };
    const intervals = await run({ ...options, topics }, hub, port, http);
    const freed = await freedAfterwards(http, topics, limits);
    const warnings = hub.stderr.split('\n').filter((line) => line !== '');
    const quiet = { isMet: warnings.length === 0, text: `${warnings.length} warnings ${warnings[0] ?? ''}` };
    return [...judge(intervals, limits), freed, quiet];
  } finally {
    await hub.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function run(
  { minutes, print, topics }: SoakOptions,
  hub: TestProcess,
  port: number,
  http: number,
): Promise<Interval[]> {
  const seconds = Math.min(INTERVAL_SECONDS_MAX, (minutes * 60) / INTERVALS_MIN);
  const producers = new LoadProcess<Produced>('producers', fileOf('./produce-load.ts'), { port, topics });
  const follower = new LoadProcess<Followed>('follower', fileOf('./follow-load.ts'), { port, topics });
  const take = async (): Promise<Reading> => ({
    produced: await producers.take(),
    followed: await follower.take(),
    sample: await sampleHub(http),
    cpu: cpuSeconds(hub),
    privateBytes: hub.privateBytes(),
    takenAt: performance.now(),
  });
  const intervals: Interval[] = [];
  try {
    let before = await take();
    const startedAt = before.takenAt;
    print(HEAD);
    while (intervals.length * seconds < minutes * 60) {
      await sleep(before.takenAt + seconds * 1000 - performance.now());
      const after = await take();
      const interval = intervalOf(before, after);
      intervals.push(interval);
      print(row((after.takenAt - startedAt) / 60_000, interval, after));
      before = after;
    }
    return intervals;
  } finally {
    await Promise.all([producers.stop(), follower.stop()]);
  }
}

/** Everything at one moment; of the loads, what they did since the moment before. */
interface Reading {
  produced: Produced;
  followed: Followed;
  sample: HubSample;
  cpu: number;
  privateBytes: number;
  takenAt: number;
}

function intervalOf(before: Reading, after: Reading): Interval {
  const { produced, sample, cpu, privateBytes, takenAt } = after;
  const seconds = (takenAt - before.takenAt) / 1000;
  return {
    seconds,
    producedMibPerSecond: produced.bytes / MIB / seconds,
    cpuSeconds: cpu - before.cpu,
    privateMib: privateBytes / MIB,
    physicalBytes: sample.physicalBytes,
    liveBytes: sample.liveBytes,
    appendedBytes: sample.appendedBytes - before.sample.appendedBytes,
  };
}

function row(minutes: number, interval: Interval, { produced, followed, sample }: Reading): string {
  const cells = [
    minutes.toFixed(1),
    interval.producedMibPerSecond.toFixed(0),
    (followed.bytes / MIB / interval.seconds).toFixed(0),
    String(followed.missedRecords),
    ...[produced.p50Ms, produced.p99Ms, produced.maxMs, followed.p99Ms].map((ms) => ms.toFixed(1)),
    interval.privateMib.toFixed(0),
    interval.cpuSeconds.toFixed(1),
    ...[sample.physicalBytes, sample.liveBytes, sample.deadBytes].map((bytes) => (bytes / MIB).toFixed(0)),
    String(sample.segments),
    ...[sample.loopDelayP99Ms, sample.loopDelayMaxMs].map((ms) => ms.toFixed(0)),
    loadAverage().toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

const COLUMNS = [
  ...['min', 'produced MiB/s', 'consumed MiB/s', 'missed records', 'ack p50 ms', 'ack p99 ms', 'ack max ms'],
  ...['fetch p99 ms', 'private MiB', 'CPU s', 'disk MiB', 'live MiB', 'dead MiB', 'segments'],
  ...['loop delay p99 ms', 'loop delay max ms', 'load average'],
];
const HEAD = `| ${COLUMNS.join(' | ')} |\n|${'---|'.repeat(COLUMNS.length)}`;

/** With nobody writing: what has expired is looked for, and is off the disk within a minute. */
async function freedAfterwards(
  http: number,
  topics: readonly SoakTopic[],
  { segmentBytes, deadShare, retentionCheckSeconds }: VerdictOptions,
): Promise<Finding> {
  const { name, retentionMs } = topics.find((topic) => topic.retentionMs !== undefined)!;
  await sleep(retentionMs!);
  const startedAt = performance.now();
  const isFreed = ({ physicalBytes, liveBytes, topicBytes }: HubSample): boolean =>
    topicBytes(name) === 0 && physicalBytes <= liveBytes / (1 - deadShare) + SEGMENTS_BESIDES * segmentBytes;
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(0);
  try {
    const { physicalBytes } = await until(
      'expired records are off the disk',
      async () => {
        const sample = await sampleHub(http);
        return isFreed(sample) && sample;
      },
      (FREED_WITHIN_SECONDS + retentionCheckSeconds) * 1000,
      1_000,
    );
    const mib = (physicalBytes / MIB).toFixed(0);
    return {
      isMet: true,
      text: `${mib} MiB on disk, ${seconds()} s after the last records of ${name} expired`,
    };
  } catch (error) {
    return { isMet: false, text: `disk not freed ${seconds()} s after records expired: ${error}` };
  }
}

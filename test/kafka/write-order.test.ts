import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import type { FaultPlan } from './faulty-cluster.ts';
import { withKafka } from './with-kafka.ts';
import { atEvery, everLater, FAULT_KINDS, inParallel, onceAt, tellStory } from './write-order.ts';

const AGES = { fresh: 0, 'a month old, whose producer Kafka forgets at once': 30 * 86_400_000 };
const WIDTH = 6;
/** All of them: `npm run kafka-faults -- write-order`. */
const EVERY = 10;

/** For how long Kafka remembers a producer at the end of the file, and what is longer by more than it takes until it looks. */
const REMEMBERED_MS = 1_000;
const PAUSE_MS = 1_300;
/** Of calls, in one story. An opening needs all of its own, of which there are fewer than lie between two that are lost. */
const LATE_EVERY = 12;
const LOST_EVERY = 24;
const DEAD_EVERY = 8;

let kafka: KafkaProcesses;
const skip = withKafka('faults at every call of the sink', (started) => {
  kafka = started;
});
let stories = 0;

describe.skipIf(skip).each(Object.entries(AGES))('records %s', (_name, ageMs) => {
  const tell = (options: Partial<Parameters<typeof tellStory>[1]> = {}): Promise<number> =>
    tellStory(kafka, { topic: `story-${stories++}`, ageMs, ...options });

  let whole: Promise<number> | undefined;
  const callsOfAll = (): Promise<number> => {
    whole ??= tell();
    return whole;
  };

  test('all are there once and in order, without a fault', async () => {
    expect(await callsOfAll()).toBeGreaterThan(10);
  });

  test.each(FAULT_KINDS.map((kind, index) => ({ kind, index })))(
    '$kind, at every tenth call',
    async ({ kind, index }) => {
      const calls = await callsOfAll();
      const jobs: (() => Promise<number>)[] = [];
      for (let at = index; at < calls; at += EVERY) jobs.push(() => tell({ plan: onceAt(at, kind) }));
      await inParallel(WIDTH, jobs);
    },
  );

  test('a topic that stamps its own time', async () => {
    await tell({ configs: { 'message.timestamp.type': 'LogAppendTime' } });
  });
});

describe.skipIf(skip)('new records, whose producer Kafka forgets a second later', () => {
  const tell = (plan?: FaultPlan): Promise<number> =>
    tellStory(kafka, { topic: `pause-${stories++}`, ageMs: 0, pauseMs: PAUSE_MS, ...(plan && { plan }) });
  const struck = (count: number, plan: (at: number) => FaultPlan): (() => Promise<number>)[] =>
    Array.from({ length: count }, (_, at) => () => tell(plan(at)));

  test('a longer pause after every call: its answer is late, or lost, or the last that a process hears', async () => {
    await kafka.admin.setBrokerConfigs({ 'producer.id.expiration.ms': String(REMEMBERED_MS) });
    const calls = await tell();
    const jobs = [
      ...struck(LATE_EVERY, (at) => atEvery(LATE_EVERY, at, 'late', calls / LATE_EVERY)),
      ...struck(LOST_EVERY, (at) => atEvery(LOST_EVERY, at, 'lose', calls / LOST_EVERY)),
      ...struck(DEAD_EVERY, (at) => everLater(DEAD_EVERY, at)),
    ];
    await inParallel(jobs.length, jobs);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KafkaProcesses, startKafka } from '../harness/kafka.ts';
import { skipWithoutJava } from '../setup/kafka-jars.ts';
import { FAULT_KINDS, inParallel, onceAt, tellStory } from './write-order.ts';

const skip = skipWithoutJava('faults at every call of the sink');
const AGES = { fresh: 0, 'a month old, whose producer Kafka forgets at once': 30 * 86_400_000 };
const WIDTH = 6;
/** All of them: `npm run kafka-faults -- write-order`. */
const EVERY = 10;

let kafka: KafkaProcesses;
let stories = 0;

beforeAll(async () => {
  if (!skip) kafka = await startKafka();
}, 300_000);

afterAll(async () => {
  await kafka?.stop();
});

describe.skipIf(skip).each(Object.entries(AGES))('records %s', (_name, ageMs) => {
  const tell = (options: Partial<Parameters<typeof tellStory>[1]> = {}): Promise<number> =>
    tellStory(kafka, { topic: `story-${stories++}`, ageMs, ...options });

  test('all are there once and in order, without a fault', async () => {
    expect(await tell()).toBeGreaterThan(10);
  });

  test.each(FAULT_KINDS.map((kind, index) => ({ kind, index })))(
    '$kind, at every tenth call',
    async ({ kind, index }) => {
      const calls = await tell();
      const jobs: (() => Promise<number>)[] = [];
      for (let at = index; at < calls; at += EVERY) jobs.push(() => tell({ plan: onceAt(at, kind) }));
      await inParallel(WIDTH, jobs);
    },
    240_000,
  );

  test('a topic that stamps its own time', async () => {
    await tell({ configs: { 'message.timestamp.type': 'LogAppendTime' } });
  });
});

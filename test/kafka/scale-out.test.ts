import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KafkaProcesses, startKafka } from '../harness/kafka.ts';
import { skipWithoutJava } from '../setup/kafka-jars.ts';
import { scaleOut } from './scale-out.ts';

const skip = skipWithoutJava('sync gateways that are killed');
let kafka: KafkaProcesses;

beforeAll(async () => {
  if (!skip) kafka = await startKafka();
}, 300_000);

afterAll(async () => {
  await kafka?.stop();
});

test.skipIf(skip)(
  'agents go to another sync gateway when one is killed, and nothing is lost or doubled',
  async () => {
    const { records } = await scaleOut({
      ...{ kafka, topic: 'scaled', partitions: 3 },
      ...{ syncGateways: 2, agents: 30, batchEveryMs: 100 },
      ...{ killEveryMs: 1_000, kills: 2, seed: 1 },
    });
    expect(records).toBeGreaterThan(100);
  },
  240_000,
);

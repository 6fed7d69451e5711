import { expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { scaleOut } from './scale-out.ts';
import { withKafka } from './with-kafka.ts';

let kafka: KafkaProcesses;
const skip = withKafka('sync gateways that are killed', (started) => {
  kafka = started;
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
);

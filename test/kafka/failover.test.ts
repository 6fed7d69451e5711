import { sealBatch } from '@edgelog/sim';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { beforeEach, describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import type { TapPlan } from '../harness/kafka-tap.ts';
import { sleep, until } from '../harness/wait.ts';
import { checkDelivered, storedBatches } from './delivered.ts';
import { RawPartition } from './raw-partition.ts';
import { SinkGateway } from './sink-gateway.ts';
import { withKafka } from './with-kafka.ts';

const MONTH_MS = 30 * 86_400_000;
/** Longer than a broker may be silent before others lead what it led. */
const AWAY_MS = 5_000;
/** One where nothing is heard any more: a gateway gives up after half a minute, and has more to send by then than a loaded machine drains. */
const LOSSES = 3;
/** Each gateway's records are numbered from its own multiple of it. */
const NUMBERS = 1_000_000;
/** Also those that wait for time-outs: `npm run kafka-faults -- failover` sets it. */
const isAll = process.env.EDGELOG_KAFKA_FAULTS === 'all';

let kafka: KafkaProcesses;
const skip = withKafka(
  'faults of a Kafka cluster of three nodes',
  (started) => {
    kafka = started;
  },
  { nodes: 3, network: true, tap: true },
);
let topics = 0;

beforeEach(async () => {
  if (skip) return;
  for (const node of kafka.nodes) if (!node.alive) node.spawn();
  await kafka.ready();
});

/** Those that need minutes are not there unless they are asked for. */
function long(name: string, run: () => Promise<void>): void {
  if (isAll) test(name, run);
}

/** Two gateways, of which one has old records, feed one partition while something happens; then everything must be there. */
async function feed(happens: (topic: string) => Promise<void>, { replication = 3 } = {}): Promise<void> {
  const topic = `fed-${topics++}`;
  await kafka.admin.createTopic(topic, { replication });
  const gateways = [0, MONTH_MS].map(
    (ageMs, index) =>
      new SinkGateway(kafka, topic, { ageMs, name: `${topic}-${index}`, firstNumber: index * NUMBERS }),
  );
  let isOver = false;
  const fed = gateways.map(async (gateway) => {
    await gateway.start();
    while (!isOver) {
      await gateway.take(3);
      await sleep(20);
    }
    await gateway.drained();
  });
  try {
    await sleep(500);
    await happens(topic);
    await sleep(500);
  } finally {
    isOver = true;
    await Promise.all(fed);
    for (const gateway of gateways) gateway.kill();
  }
  const batches = await storedBatches([new RawPartition(kafka, topic)]);
  for (const [index, { promised, divergences }] of gateways.entries()) {
    const own = batches.filter(({ records: [first] }) => Math.floor(first! / NUMBERS) === index);
    checkDelivered(own, promised);
    expect(divergences).toEqual([]);
  }
}

describe.skipIf(skip)('nothing is lost or doubled', () => {
  long('when the leader stands still, and goes on after another was elected', () =>
    feed(async (topic) => {
      const leader = await kafka.leaderOf(topic);
      leader.pause();
      await sleep(AWAY_MS);
      leader.resume();
      await kafka.ready();
    }),
  );

  test('when the leader is cut off from everybody, both ways', () =>
    feed(async (topic) => {
      kafka.isolate(await kafka.leaderOf(topic));
      await sleep(AWAY_MS);
      kafka.network.heal();
      await kafka.ready();
    }));

  long('when the leader is cut off from the other brokers, and still reached by gateways', () =>
    feed(async (topic) => {
      kafka.isolate(await kafka.leaderOf(topic), false);
      await sleep(AWAY_MS);
      kafka.network.heal();
      await kafka.ready();
    }),
  );

  for (const way of ['to', 'from'] as const) {
    long(`when nothing comes ${way} the leader`, () =>
      feed(async (topic) => {
        const { name } = await kafka.leaderOf(topic);
        kafka.network.cut(...((way === 'to' ? ['outside', name] : [name, 'outside']) as [string, string]));
        await sleep(AWAY_MS / 2);
        kafka.network.heal();
      }),
    );
  }

  const losing = (plan: TapPlan) => (): Promise<void> =>
    feed(async (topic) => {
      const leader = await kafka.leaderOf(topic);
      const losses = plan.left === 'silence' ? 1 : LOSSES;
      for (let i = 0; i < losses; i++) await leader.tap!.loseNextProduce(plan);
    });
  for (const lose of ['answer', 'request'] as const) {
    test(`when the ${lose} of a Produce is lost with the connection`, losing({ lose }));
    long(
      `when the ${lose} of a Produce is lost, and nothing is heard any more`,
      losing({ lose, left: 'silence' }),
    );
  }

  test('when the partition moves to other brokers', () =>
    feed(
      async (topic) => {
        const { replicaNodes } = await kafka.admin.partition(topic, 0);
        const other = [1, 2, 3].find((id) => !replicaNodes.includes(id))!;
        await kafka.admin.reassign(topic, 0, [other, replicaNodes[1]!]);
        await kafka.admin.reassign(topic, 0, [other, replicaNodes[0]!]);
      },
      { replication: 2 },
    ));

  long('when all brokers are killed', () =>
    feed(async () => {
      await Promise.all(kafka.nodes.map((node) => node.kill()));
      for (const node of kafka.nodes) node.spawn();
      await kafka.ready();
    }),
  );
});

describe.skipIf(skip)('what is assumed of a leader whose followers are away', () => {
  test('it knows a producer and tells the end of its log before that is committed', async () => {
    const topic = `ahead-${topics++}`;
    await kafka.admin.createTopic(topic);
    const partition = new RawPartition(kafka, topic);
    const producerId = RESERVED_PRODUCER_ID_MIN;
    const batch = (baseOffset: number): Buffer =>
      sealBatch({ producerId, baseOffset, records: [1, 2, 3], time: Date.now() });
    await partition.produce(batch(0));
    const leader = await kafka.leaderOf(topic);
    kafka.isolate(leader, false);
    try {
      const alone = new RawPartition(kafka, topic, 0, leader);
      await alone.produce(batch(3), 1);
      expect(await alone.producer(producerId)).toMatchObject({ lastSequence: 5 });
      expect((await alone.epochEnd()).endOffset).toBe(6);
      expect(await alone.highWatermark()).toBe(3);
    } finally {
      kafka.network.heal();
      await kafka.ready();
    }
  });
});

/* Last, so that nobody waits until it is back. */
describe.skipIf(skip)('nothing is lost or doubled', () => {
  test('when the leader is killed', () =>
    feed(async (topic) => {
      const leader = await kafka.leaderOf(topic);
      await leader.kill();
      await until('another leads', async () => (await kafka.leaderOf(topic)) !== leader);
    }));
});

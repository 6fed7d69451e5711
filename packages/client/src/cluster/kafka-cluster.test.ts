import { silentLogger } from '@edgelog/runtime';
import { apis, ErrorCode, type RequestOf, type ResponseOf, saslApis } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { type Answer, type Asked, ScriptedBroker } from '../testing/scripted-broker.ts';
import { KafkaCluster, type KafkaClusterOptions } from './kafka-cluster.ts';

const TOPIC = 't';
const TOPIC_ID = 'fcbaea14-48f3-4c7e-b5f2-0c7fdd7710bd';
const POLL = { timeout: 30_000 };

/** Two brokers and one topic of two partitions, as `view` has them when Metadata is asked for. */
async function twoBrokers(
  script: (broker: number, asked: Asked) => Answer | Promise<Answer> = () => answerOf(0),
) {
  const view = { clusterId: 'c', leaders: [1, 1], epoch: 5, topics: [TOPIC], silent: 0 };
  const brokers: ScriptedBroker[] = [];
  const metadata = (asked: Asked): ResponseOf<'metadata'> => ({
    brokers: brokers.map(({ address }, i) => ({ nodeId: i + 1, ...address })),
    clusterId: view.clusterId,
    topics: (asked.body as RequestOf<'metadata'>).topics!.map(({ name }) =>
      view.topics.includes(name ?? '')
        ? { errorCode: 0, name, topicId: TOPIC_ID, partitions: view.leaders.map(partition) }
        : { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, name, topicId: TOPIC_ID, partitions: [] },
    ),
  });
  const partition = (leaderId: number, partitionIndex: number) => ({
    ...{ errorCode: 0, partitionIndex, leaderId, leaderEpoch: view.epoch },
    ...{ replicaNodes: [1, 2], isrNodes: [1, 2] },
  });
  for (const nodeId of [1, 2]) {
    brokers.push(
      await ScriptedBroker.start((asked) =>
        asked.api !== apis.metadata
          ? script(nodeId, asked)
          : nodeId === view.silent
            ? 'nothing'
            : metadata(asked),
      ),
    );
  }
  onTestFinished(() => {
    for (const broker of brokers) broker.stop();
  });
  const open = async (given: Partial<KafkaClusterOptions> = {}) => {
    const bootstrap = [brokers[0]!.server];
    const cluster = await KafkaCluster.open({ bootstrap, clientId: 'test', timeoutMs: 30_000, ...given });
    onTestFinished(() => cluster.close());
    return cluster;
  };
  return { view, brokers: [brokers[0]!, brokers[1]!] as const, open };
}

/** An answer to ListOffsets for partition 0. */
const answerOf = (errorCode: number, offset = 0): ResponseOf<'listOffsets'> => ({
  topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, errorCode, offset }] }],
});

/** ListOffsets serves as what goes to a leader; `number` is what is asked, to be known again. */
const question = (number: number) => ({
  ...{ replicaId: -1, isolationLevel: 0 },
  topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: number }] }],
});
const numbersAt = (broker: ScriptedBroker) =>
  broker
    .of(apis.listOffsets)
    .map(({ body }) => (body as RequestOf<'listOffsets'>).topics[0]!.partitions[0]!.timestamp);
const ask = (cluster: KafkaCluster, number: number) =>
  cluster.toLeader(TOPIC, 0, apis.listOffsets, question(number));

test('calls for a partition leave in their order, though neither leader nor connection is there yet', async () => {
  const { brokers, open } = await twoBrokers();
  const cluster = await open();
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 50; i++) {
    calls.push(ask(cluster, i));
    if (i % 7 === 0) await Promise.resolve();
    if (i % 13 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  expect(numbersAt(brokers[0])).toEqual(calls.map((_, i) => i));
  expect(brokers[0].of(apis.listOffsets).every(({ connection }) => connection === 1)).toBe(true);
});

test('a topic is known for a while, and asked for anew when that is wanted; one that is not there is undefined', async () => {
  const { brokers, open, view } = await twoBrokers();
  const cluster = await open();
  expect(cluster.clusterId).toBe('c');
  expect(cluster.brokerIds).toEqual([1, 2]);
  await Promise.all([cluster.topic(TOPIC), cluster.topic(TOPIC), cluster.topic('u')]);
  const asked = brokers[0].of(apis.metadata).length;
  expect((await cluster.topic(TOPIC))?.partitions.map(({ leaderId }) => leaderId)).toEqual([1, 1]);
  expect(brokers[0].of(apis.metadata).length).toBe(asked);
  view.topics = [];
  expect(await cluster.topic(TOPIC)).toBeDefined();
  expect(await cluster.topic(TOPIC, true)).toBeUndefined();
  await expect(ask(cluster, 1)).rejects.toMatchObject({
    code: 'REFUSED',
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  });
});

test('a broker that is not the leader any more: its answer is given as it is, and the next call goes to the new leader', async () => {
  const { brokers, open, view } = await twoBrokers((broker) =>
    answerOf(broker === 1 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : 0),
  );
  const cluster = await open();
  await cluster.topic(TOPIC);
  Object.assign(view, { leaders: [2, 1], epoch: 6 });
  const first = await ask(cluster, 1);
  expect(first.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  await ask(cluster, 2);
  expect([numbersAt(brokers[0]), numbersAt(brokers[1])]).toEqual([[1], [2]]);

  Object.assign(view, { leaders: [1, 1], epoch: 4 });
  const again = await cluster.topic(TOPIC, true);
  expect(again?.partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch])).toEqual([
    [2, 6],
    [1, 6],
  ]);
});

test('a connection that breaks: all that is under way is given back, nothing is sent twice, and the next call finds the broker again', async () => {
  let mayAnswer = false;
  const { brokers, open } = await twoBrokers(() => (mayAnswer ? answerOf(0) : 'nothing'));
  const cluster = await open();
  const calls = [1, 2, 3].map((number) => ask(cluster, number));
  const settled = Promise.allSettled(calls);
  await expect.poll(() => numbersAt(brokers[0]), POLL).toEqual([1, 2, 3]);
  mayAnswer = true;
  brokers[0].cut();
  for (const result of await settled) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_LOST' } });
  }
  await expect
    .poll(
      () =>
        ask(cluster, 4).then(
          () => 'answered',
          () => 'not yet',
        ),
      POLL,
    )
    .toBe('answered');
  expect(numbersAt(brokers[0]).slice(0, 3)).toEqual([1, 2, 3]);
  expect(
    numbersAt(brokers[0])
      .slice(3)
      .every((number) => number === 4),
  ).toBe(true);
});

test('requests of one purpose wait for each other, those of another do not', async () => {
  const held = Promise.withResolvers<Answer>();
  const { open } = await twoBrokers((_, { api }) =>
    api === apis.listOffsets ? held.promise : { errorCode: 0, groups: [] },
  );
  const cluster = await open();
  const waits = ask(cluster, 1);
  await cluster.toBroker(1, apis.listGroups, {}, { purpose: 'other' });
  held.resolve(answerOf(0));
  await waits;
});

test('a broker that takes questions and says nothing is passed over', async () => {
  const { brokers, open, view } = await twoBrokers();
  const cluster = await open();
  view.silent = 1;
  expect(await cluster.topic(TOPIC)).toBeDefined();
  expect(brokers[1].of(apis.metadata)).toHaveLength(1);
});

test('another cluster at the same address is refused', async () => {
  const { open, view } = await twoBrokers();
  const cluster = await open();
  view.clusterId = 'd';
  await expect(cluster.topic(TOPIC)).rejects.toThrow('what answers is cluster d, and was cluster c before');
});

test('a broker that is gone: any other answers, and one that nobody knows is named', async () => {
  const { brokers, open } = await twoBrokers(() => ({ errorCode: 0, groups: [] }));
  const cluster = await open();
  brokers[0].stop();
  await expect
    .poll(
      () =>
        cluster.toAny(apis.listGroups, {}).then(
          ({ groups }) => groups,
          () => 'not yet',
        ),
      POLL,
    )
    .toEqual([]);
  expect(brokers[1].of(apis.listGroups).length).toBeGreaterThan(0);
  await expect(cluster.toBroker(9, apis.listGroups, {})).rejects.toThrow('broker 9 is not available');
});

test('wrong credentials are shown to a broker once, however often it is asked for, by however many clients', async () => {
  const { brokers, open } = await twoBrokers((_, { api }) =>
    api === saslApis.saslHandshake
      ? { errorCode: 0, mechanisms: ['PLAIN'] }
      : { errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage: 'no', authBytes: Buffer.alloc(0) },
  );
  const security = { sasl: { mechanism: 'plain' as const, user: 'u', password: 'p' } };
  for (let i = 0; i < 10; i++) {
    await expect(open({ security })).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      message: `SASL PLAIN as u failed at ${brokers[0].server}: no`,
    });
  }
  expect(brokers[0].of(saslApis.saslAuthenticate)).toHaveLength(1);
});

test('a listener that hangs up on who shows no credentials is told of once, though it tells everybody its versions', async () => {
  const broker = await ScriptedBroker.start(() => 'close');
  onTestFinished(() => broker.stop());
  const told: string[] = [];
  const log = {
    ...silentLogger,
    info: (event: string) => told.push(event),
    warn: (event: string) => told.push(event),
  };
  const options = { bootstrap: [broker.server], clientId: 'test', timeoutMs: 30_000, security: {}, log };
  const connectedThrice = async () => {
    await expect(KafkaCluster.open(options)).rejects.toThrow('does it want --kafka-sasl');
    return broker.connections >= 3;
  };
  await expect.poll(connectedThrice, POLL).toBe(true);
  expect(told).toEqual(['no connection to a Kafka broker']);
});

test('an address that brokers advertise and nobody can reach is named as such', async () => {
  const { brokers, open } = await twoBrokers();
  const cluster = await open();
  const { server } = brokers[1];
  brokers[1].stop();
  await expect(cluster.toBroker(2, apis.listGroups, {})).rejects.toThrow(
    `no connection to ${server}: nothing listens there; is the broker running? (${server} is what broker 2 advertises)`,
  );
});

test('after it is closed everything is refused', async () => {
  const { open } = await twoBrokers(() => 'nothing');
  const cluster = await open();
  const call = ask(cluster, 1);
  await new Promise((resolve) => setImmediate(resolve));
  cluster.close();
  await expect(call).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await expect(cluster.topic(TOPIC, true)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

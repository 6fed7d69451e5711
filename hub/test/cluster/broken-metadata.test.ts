import { createLogger } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import { apis, ErrorCode } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterKeys } from '../../src/cluster/keys.ts';
import { startHub } from '../../src/index.ts';
import { testSettings } from '../support/test-hub.ts';
import { TestBrokers } from './support.ts';

const IDS = [1, 2];
const keys = new ClusterKeys('/edgelog');
let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(2, { offsetsPartitions: 1, replication: 2 });
});
afterAll(() => brokers.close());

/** With one record. */
async function make(topic: string): Promise<void> {
  await brokers.createTopic(topic, [IDS]);
  await brokers.untilInSync(topic, IDS);
  await brokers.produce(await brokers.untilLed(topic), topic, ['kept']);
}
async function isWhole(topic: string): Promise<boolean> {
  const { errorCode, highWatermark } = await brokers.fetch(await brokers.untilLed(topic), topic, 0);
  return errorCode === ErrorCode.NONE && Number(highWatermark) === 1;
}
const said = (text: string) => IDS.flatMap((id) => brokers.hubs.get(id)!.logLines(text));
const isSaidByAll = (text: string, topic: string) =>
  IDS.every((id) =>
    brokers.hubs
      .get(id)!
      .logLines(text)
      .some((line) => line.includes(`"${topic}-0.`)),
  );
async function restart(): Promise<void> {
  for (const id of IDS) await brokers.stop(id);
  for (const id of IDS) await brokers.add(id);
}

test('a topic or partition whose record cannot be read keeps its data, also when brokers start', async () => {
  const etcd = brokers.etcd.client();
  await make('a');
  await make('b');
  const spoiled = [keys.topic('a'), keys.partition(await brokers.topicId('b'), 0)];
  const good = await Promise.all(spoiled.map(async (key) => (await etcd.get(key))!.value));
  await etcd.put(spoiled[0]!, '{"id":');
  await until(() => said('bad record').length === IDS.length, 'both have seen it');
  expect(await isWhole('a')).toBe(true);
  for (const id of IDS) await brokers.stop(id);
  await etcd.put(spoiled[1]!, '{}');
  for (const id of IDS) await brokers.add(id);
  for (const topic of ['a', 'b']) await until(() => isSaidByAll('log kept', topic), 'both say so');
  for (const [i, key] of spoiled.entries()) await etcd.put(key, good[i]!);
  for (const topic of ['a', 'b']) {
    await brokers.untilInSync(topic, IDS);
    await until(() => isWhole(topic), 'its record is there');
  }
  expect(said('replica removed')).toEqual([]);
});

test('who only says to be a replica, under another registration, moves no high watermark', async () => {
  await brokers.createTopic('forged', [IDS]);
  const leader = await brokers.untilLed('forged');
  await brokers.untilInSync('forged', IDS);
  const topicId = await brokers.topicId('forged');
  const currentLeaderEpoch = (await brokers.partition('forged'))!.leaderEpoch;
  const position = { partition: 0, fetchOffset: 0, logStartOffset: 0, partitionMaxBytes: 100 };
  for (const replicaEpoch of [-1, 2 ** 50]) {
    const { responses } = await brokers.call(leader, apis.fetch, {
      maxWaitMs: 0,
      minBytes: 1,
      replicaState: { replicaId: IDS.find((id) => id !== leader)!, replicaEpoch },
      topics: [{ topicId, partitions: [{ ...position, currentLeaderEpoch }] }],
    });
    expect(responses[0]!.partitions[0]!.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH);
  }
  expect(await brokers.produce(leader, 'forged', ['from all'])).toBe(0);
});

test('a backup of etcd put back costs no log that it does not know of, neither at once nor later', async () => {
  const [member] = brokers.etcd.members;
  for (const id of IDS) await brokers.stop(id);
  await member!.kill();
  const backup = member!.backUp();
  member!.start();
  for (const id of IDS) await brokers.add(id);
  const etcd = brokers.etcd.client();
  await Promise.all(Array.from({ length: 100 }, () => etcd.put(`${keys.prefix}runs/x`, '')));
  await make('later');
  await restart();
  for (const id of IDS) await brokers.stop(id);
  await member!.kill();
  backup.restore();
  member!.start();
  for (const id of IDS) await brokers.add(id);
  await until(() => isSaidByAll('log kept', 'later'), 'both say so');
  await Promise.all(Array.from({ length: 200 }, () => etcd.put(`${keys.prefix}runs/x`, '')));
  await restart();
  expect(said('replica removed')).toEqual([]);
});

test('brokers whose metadata is gone end, and begin no other cluster', async () => {
  const failed = Promise.all(IDS.map((id) => brokers.hubs.get(id)!.hub.failed));
  await brokers.etcd.client().delete({ prefix: keys.prefix });
  for (const { message } of await failed) expect(message).toContain('is gone from etcd');
  await brokers.stop(1);
  const told: string[] = [];
  const log = createLogger({ component: 'hub', level: 'debug', write: (line) => void told.push(line) });
  const giveUp = new AbortController();
  const settings = { brokerId: 1, etcd: [...brokers.etcd.endpoints] };
  const starting = startHub(testSettings(brokers.hubs.get(1)!.dir, settings), { log, signal: giveUp.signal });
  const ended = starting.then(
    () => 'started',
    () => 'gave up',
  );
  await until(() => told.some((line) => line.includes('belongs to cluster')), 'it says what it lacks');
  giveUp.abort(new Error('enough'));
  expect(await ended).toBe('gave up');
  expect(await brokers.etcd.client().get(keys.cluster)).toBeUndefined();
});

import { until } from '@edgelog/sim';
import { apis, ErrorCode, type ErrorName, errorName, ZERO_UUID } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrokers } from './support.ts';

const OFFSETS_TOPIC = '__consumer_offsets';
const PARTITIONS = 4;
const IDS = [1, 2, 3];
/** What a client tries again after. */
const TRANSIENT: ReadonlySet<ErrorName> = new Set([
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
]);

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3, { offsetsPartitions: PARTITIONS });
});
afterAll(() => brokers.close());

async function findCoordinator(via: number, groupId: string): Promise<{ nodeId: number; error: ErrorName }> {
  const { coordinators } = await brokers.call(via, apis.findCoordinator, {
    keyType: 0,
    coordinatorKeys: [groupId],
  });
  const [{ nodeId, errorCode }] = coordinators as [(typeof coordinators)[number]];
  return { nodeId, error: errorName(errorCode) };
}

/** The broker that coordinates the group, as soon as it has been found. */
async function coordinatorOf(groupId: string): Promise<number> {
  let found = -1;
  await until(async () => {
    const { nodeId, error } = await findCoordinator(brokers.any, groupId);
    if (error === 'NONE') found = nodeId;
    return error === 'NONE';
  }, `${groupId} has a coordinator`);
  return found;
}

async function commit(id: number, groupId: string, offset: number, topic = 'read'): Promise<ErrorName> {
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }];
  const { topics } = await brokers.call(id, apis.offsetCommit, {
    groupId,
    memberId: '',
    topics: [{ name: topic, partitions }],
  });
  return errorName(topics[0]!.partitions[0]!.errorCode);
}

async function fetch(id: number, groupId: string, topic = 'read'): Promise<number | ErrorName> {
  const topics = [{ name: topic, partitionIndexes: [0] }];
  const { groups } = await brokers.call(id, apis.offsetFetch, { groups: [{ groupId, topics }] });
  const [{ errorCode, topics: fetched }] = groups as [(typeof groups)[number]];
  return errorCode === ErrorCode.NONE ? fetched[0]!.partitions[0]!.committedOffset : errorName(errorCode);
}

/** What a client does: finds the coordinator, and again as long as that is not the one any more. */
async function patiently<T>(
  groupId: string,
  ask: (id: number) => Promise<T>,
  isError: (answer: T) => boolean,
) {
  let answer: T | undefined;
  await until(async () => {
    try {
      answer = await ask(await coordinatorOf(groupId));
    } catch {
      return false; // the connection ended with the broker
    }
    return !isError(answer);
  }, `the coordinator of ${groupId} answers`);
  return answer as T;
}

const keepCommitting = (groupId: string, offset: number, topic?: string) =>
  patiently(
    groupId,
    (id) => commit(id, groupId, offset, topic),
    (error) => error !== 'NONE',
  );
const keepFetching = (groupId: string, topic?: string) =>
  patiently(
    groupId,
    (id) => fetch(id, groupId, topic),
    (answer) => typeof answer === 'string',
  );

test('brokers that are asked at once for the first group of a cluster make one topic, and agree who coordinates', async () => {
  await brokers.createTopic('read', [[1, 2, 3]]);
  expect(await brokers.partition(OFFSETS_TOPIC)).toBeUndefined();
  const first = await Promise.all(IDS.map((id) => findCoordinator(id, 'first')));
  for (const { error } of first) expect(['NONE', 'COORDINATOR_NOT_AVAILABLE']).toContain(error);
  const coordinator = await coordinatorOf('first');
  for (const id of IDS) {
    await until(
      async () => (await findCoordinator(id, 'first')).nodeId === coordinator,
      `broker ${id} names ${coordinator}`,
    );
  }
  const leaders = await Promise.all(
    Array.from({ length: PARTITIONS }, (_, index) => brokers.untilLed(OFFSETS_TOPIC, index)),
  );
  expect(leaders).toContain(coordinator);
  expect(await brokers.partition(OFFSETS_TOPIC, PARTITIONS)).toBeUndefined();
});

test('only the coordinator serves a group', async () => {
  const coordinator = await coordinatorOf('first');
  expect(await keepCommitting('first', 5)).toBe('NONE');
  for (const id of IDS) {
    if (id === coordinator) continue;
    expect(await commit(id, 'first', 9)).toBe('NOT_COORDINATOR');
    expect(await fetch(id, 'first')).toBe('NOT_COORDINATOR');
  }
  expect(await fetch(coordinator, 'first')).toBe(5);
});

test('while brokers are restarted one after the other a member stays one, and nothing committed goes back', async () => {
  const groupId = 'rolling';
  const { memberId, generationId } = await join(groupId);
  const heartbeat = () =>
    patiently(
      groupId,
      async (id) =>
        errorName((await brokers.call(id, apis.heartbeat, { groupId, memberId, generationId })).errorCode),
      (error) => TRANSIENT.has(error),
    );
  const groups = Array.from({ length: 8 }, (_, i) => `g${i}`);
  const committed = new Map(groups.map((group) => [group, -1]));
  let next = 0;
  const commitAll = async () => {
    for (const group of groups) {
      expect(await keepFetching(group), group).toBe(committed.get(group)!);
      await keepCommitting(group, next);
      committed.set(group, next++);
    }
    expect(await heartbeat()).toBe('NONE');
  };
  await commitAll();
  for (const id of IDS) {
    await brokers.stop(id);
    await commitAll();
    await brokers.add(id);
    for (let index = 0; index < PARTITIONS; index++) await brokers.untilInSync(OFFSETS_TOPIC, IDS, index);
    await commitAll();
  }
});

test('what was committed for a deleted topic is forgotten by whoever coordinates', async () => {
  await brokers.createTopic('gone', [[1, 2, 3]]);
  const groups = Array.from({ length: 6 }, (_, i) => `d${i}`);
  for (const group of groups) await keepCommitting(group, 7, 'gone');
  await brokers.call(brokers.any, apis.deleteTopics, {
    topics: [{ name: 'gone', topicId: ZERO_UUID }],
    timeoutMs: 30_000,
  });
  for (const group of groups) {
    await until(async () => (await keepFetching(group, 'gone')) === -1, `${group} has forgotten`);
    expect(await keepFetching(group)).toBe(-1);
  }
});

/** A member alone in its group. */
async function join(groupId: string): Promise<{ memberId: string; generationId: number }> {
  const protocols = [{ name: 'range', metadata: Buffer.from('read') }];
  let memberId = '';
  const { generationId } = await patiently(
    groupId,
    async (id) => {
      const timeouts = { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 };
      const request = { groupId, memberId, ...timeouts, protocolType: 'consumer', protocols };
      const answer = await brokers.call(id, apis.joinGroup, request);
      if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) memberId = answer.memberId;
      return answer;
    },
    ({ errorCode }) => errorCode !== ErrorCode.NONE,
  );
  const assignments = [{ memberId, assignment: Buffer.from('all') }];
  const request = { groupId, generationId: generationId!, memberId, assignments };
  await patiently(
    groupId,
    (id) => brokers.call(id, apis.syncGroup, { ...request, protocolType: 'consumer', protocolName: 'range' }),
    ({ errorCode }) => errorCode !== ErrorCode.NONE,
  );
  return { memberId, generationId: generationId! };
}

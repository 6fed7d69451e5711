import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { type LogStore, openLogStore, type PartitionLog } from '@edgelog/log';
import { silentLogger } from '@edgelog/runtime';
import { ErrorCode } from '@edgelog/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Partition } from '../partition/partition.ts';
import { StandaloneReplication, standaloneLeadership } from '../partition/standalone.ts';
import { CHECKPOINT_RECORDS_MIN } from './checkpoint.ts';
import type * as m from './messages.ts';
import { GroupService, type GroupServiceDeps } from './service.ts';

const PARTITIONS = 5;
const context: m.RequestContext = { clientId: 'client', clientHost: '/127.0.0.1', apiVersion: 9 };

let dir: string;
let store: LogStore;
let groups: GroupService;
let sessionTimeoutMs: number;

beforeEach(async () => {
  sessionTimeoutMs = 6_000;
  dir = mkdtempSync(join(tmpdir(), 'edgelog-groups-'));
  await open();
});

afterEach(async () => {
  await groups.stop();
  await store.close();
  rmSync(dir, { recursive: true });
});

async function open(deps: Partial<GroupServiceDeps> = {}) {
  store = await openLogStore({ dir });
  const logs = Array.from({ length: PARTITIONS }, (_, i) => store.createPartition(`__consumer_offsets-${i}`));
  groups = serve(logs, { settings: { initialRebalanceDelayMs: 20 }, ...deps });
  await groups.loaded();
}

/** The coordinator of a standalone broker. */
function serve(logs: readonly PartitionLog[], deps: Partial<GroupServiceDeps> = {}): GroupService {
  const leadership = standaloneLeadership(1);
  const partitions = logs.map(
    (log, i) => new Partition('__consumer_offsets', i, log, new StandaloneReplication(log, leadership)),
  );
  const service = new GroupService({ ...around(partitions), ...deps });
  for (const partition of partitions) service.look(partition);
  return service;
}

const around = (partitions: readonly Partition[]) => ({
  offsets: { partitions, ensure: () => Promise.resolve(undefined) },
  now: Date.now,
  log: silentLogger,
});

async function reopen() {
  await groups.stop();
  await store.close();
  await open();
}

const commit = (groupId: string, offset: number, partition = 0) =>
  groups.offsetCommit(
    {
      groupId,
      memberId: '',
      generationIdOrMemberEpoch: -1,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [
        {
          name: 'telemetry',
          partitions: [
            {
              partitionIndex: partition,
              committedOffset: offset,
              committedLeaderEpoch: 2,
              committedMetadata: 'm',
            },
          ],
        },
      ],
    },
    context,
  );

const fetchAll = (...groupIds: string[]) =>
  groups.offsetFetch(
    {
      groupId: '',
      topics: [],
      groups: groupIds.map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: null })),
      requireStable: true,
    },
    context,
  );

function joinRequest(memberId: string, groupInstanceId: string | null = null): m.JoinRequest {
  return {
    groupId: 'readers',
    sessionTimeoutMs,
    rebalanceTimeoutMs: 6_000,
    memberId,
    groupInstanceId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
    reason: null,
  };
}

const syncRequest = (memberId: string, generationId: number, assignment: string): m.SyncRequest => ({
  groupId: 'readers',
  generationId,
  memberId,
  groupInstanceId: null,
  protocolType: 'consumer',
  protocolName: 'range',
  assignments: [{ memberId, assignment: Buffer.from(assignment) }],
});

const heartbeat = (memberId: string, generationId: number) =>
  groups.heartbeat({ groupId: 'readers', memberId, generationId, groupInstanceId: null }, context);

async function joinAlone(): Promise<{ memberId: string; generationId: number }> {
  const { memberId } = await groups.joinGroup(joinRequest(''), context);
  const { generationId = -1 } = await groups.joinGroup(joinRequest(memberId), context);
  await groups.syncGroup(syncRequest(memberId, generationId, 'all of it'), context);
  return { memberId, generationId };
}

test('committed offsets survive a restart, with metadata and leader epoch', async () => {
  await Promise.all([commit('a', 10), commit('a', 11, 1), commit('b', 12)]);
  await commit('a', 20);
  await reopen();
  expect(groups.committedOffsets('a')).toMatchObject([
    { topic: 'telemetry', partition: 0, offset: 20, leaderEpoch: 2, metadata: 'm' },
    { topic: 'telemetry', partition: 1, offset: 11 },
  ]);
  const { groups: fetched } = await fetchAll('a', 'b', 'c', '');
  expect(
    fetched?.map(({ errorCode, topics }) => [errorCode, topics[0]?.partitions[0]?.committedOffset]),
  ).toEqual([
    [0, 20],
    [0, 12],
    [0, undefined],
    [ErrorCode.INVALID_GROUP_ID, undefined],
  ]);
});

test('a member outlives a restart of the hub without a rebalance', async () => {
  const { memberId, generationId } = await joinAlone();
  await reopen();
  expect(await heartbeat(memberId, generationId)).toMatchObject({ errorCode: 0 });
  const { assignment } = await groups.syncGroup(syncRequest(memberId, generationId, ''), context);
  expect(assignment.toString()).toBe('all of it');
  expect(groups.status()).toMatchObject([
    { groupId: 'readers', state: 'Stable', generationId, members: [{ memberId, isLeader: true }] },
  ]);
});

test('an answer leaves only when what it tells is on disk', async () => {
  const log = store.createPartition('__consumer_offsets-0');
  const settled: string[] = [];
  const groupId = Array.from({ length: 50 }, (_, i) => `g${i}`).find(
    (id) => [...id].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) | 0, 0) % PARTITIONS === 0,
  )!;
  const before = log.flushedEndOffset;
  const committed = commit(groupId, 1).then(() => settled.push('commit'));
  const fetched = fetchAll(groupId).then(({ groups: [group] = [] }) => {
    expect(group?.topics[0]?.partitions[0]?.committedOffset).toBe(1);
    expect(log.flushedEndOffset).toBe(before + 1);
    settled.push('fetch');
  });
  await new Promise((resolve) => process.nextTick(resolve));
  expect(settled).toEqual([]);
  await Promise.all([committed, fetched]);
  expect(log.flushedEndOffset).toBe(log.logEndOffset);
});

test('a member that is silent loses its place, and one that beats keeps it', async () => {
  await groups.stop();
  await store.close();
  let steadyMs = 0;
  const settings = { initialRebalanceDelayMs: 0, sessionTimeoutMinMs: 1 };
  await open({ settings, steady: () => steadyMs });
  sessionTimeoutMs = 100;
  const { memberId, generationId } = await joinAlone();
  for (let i = 0; i < 8; i++) {
    steadyMs += sessionTimeoutMs - 1;
    // Whatever looks by the machine's own time has its chance.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await heartbeat(memberId, generationId)).errorCode).toBe(0);
  }
  steadyMs += sessionTimeoutMs;
  await expect.poll(() => groups.status()[0]?.state).toBe('Empty');
  expect((await heartbeat(memberId, generationId)).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID);
});

describe('requests that cannot be served', () => {
  test('while loading are to be tried again, heartbeats are simply fine', async () => {
    const loading = serve([store.createPartition('x')]);
    expect((await loading.joinGroup(joinRequest(''), context)).errorCode).toBe(14);
    expect((await loading.listGroups({ statesFilter: [], typesFilter: [] }, context)).errorCode).toBe(14);
    const beat = { groupId: 'g', memberId: 'm', generationId: 1, groupInstanceId: null };
    expect((await loading.heartbeat(beat, context)).errorCode).toBe(0);
    await loading.loaded();
    await loading.stop();
  });

  test('are refused in the words of their version', async () => {
    const request = {
      groupId: '',
      topics: [{ name: 't', partitionIndexes: [1] }],
      groups: [],
      requireStable: false,
    };
    expect(await groups.offsetFetch(request, { ...context, apiVersion: 5 })).toEqual({
      throttleTimeMs: 0,
      topics: [],
      errorCode: ErrorCode.INVALID_GROUP_ID,
    });
    const oldest = await groups.offsetFetch(request, { ...context, apiVersion: 1 });
    expect(oldest.topics?.[0]?.partitions[0]?.errorCode).toBe(ErrorCode.INVALID_GROUP_ID);
  });

  test('when the hub stops, whoever waits is sent to look for the coordinator', async () => {
    const { memberId } = await groups.joinGroup(joinRequest(''), context);
    const waiting = groups.joinGroup(joinRequest(memberId), context);
    await groups.stop();
    expect((await waiting).errorCode).toBe(ErrorCode.NOT_COORDINATOR);
    expect((await commit('a', 1)).topics[0]?.partitions[0]?.errorCode).toBe(
      ErrorCode.COORDINATOR_NOT_AVAILABLE,
    );
  });
});

test('when the store fails, who waits is told, and nothing is served any more', async () => {
  const failing = serve([withFailingFlush(store.createPartition('failing'))]);
  await failing.loaded();
  const waiting = failing.joinGroup(joinRequest(''), context);
  expect((await waiting).errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE);
  expect((await failing.joinGroup(joinRequest(''), context)).errorCode).toBe(
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
  );
  await failing.stop();
});

/** The real log, but its commits fail as they do on a broken disk. */
function withFailingFlush(log: PartitionLog): PartitionLog {
  return new Proxy(log, {
    get(target, name) {
      if (name !== 'append') return Reflect.get(target, name, target);
      return (...args: Parameters<PartitionLog['append']>) => ({
        ...target.append(...args),
        flushed: Promise.reject(new EdgelogError('STORE_FAILED', 'no space left')),
      });
    },
  });
}

test('offsets of a deleted topic are forgotten for good', async () => {
  await commit('a', 1);
  groups.topicDeleted('telemetry');
  await reopen();
  expect(groups.committedOffsets('a')).toEqual([]);
});

test('the log of a busy group does not grow without bound, and loads to the same state', async () => {
  await commit('a', 1, 1);
  const rounds = Math.ceil(CHECKPOINT_RECORDS_MIN / 1_000) + 1;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => commit('a', round * 1_000 + i)));
  }
  await store.flushed();
  const log = [...store.partitions()].find(({ logStartOffset }) => logStartOffset > 0);
  expect(log?.logStartOffset).toBeGreaterThanOrEqual(CHECKPOINT_RECORDS_MIN);
  await reopen();
  expect(groups.committedOffsets('a')).toMatchObject([
    { partition: 1, offset: 1 },
    { partition: 0, offset: rounds * 1_000 - 1 },
  ]);
});

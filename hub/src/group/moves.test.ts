import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openLogStore } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHECKPOINT_RECORDS_MIN } from './checkpoint.ts';
import { MovingOffsets, type Node } from './moving-offsets.ts';
import type { GroupServiceDeps } from './service.ts';

const {
  NONE,
  NOT_COORDINATOR,
  COORDINATOR_LOAD_IN_PROGRESS: LOADING,
  COORDINATOR_NOT_AVAILABLE: NOT_AVAILABLE,
} = ErrorCode;

let dir: string;
let store: LogStore;
let world: MovingOffsets;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-moves-'));
  store = await openLogStore({ dir });
});

afterEach(async () => {
  await world.stop();
  await store.close();
  rmSync(dir, { recursive: true });
});

async function start(deps: Partial<GroupServiceDeps> = {}): Promise<[Node, Node]> {
  world = new MovingOffsets(store, { settings: { initialRebalanceDelayMs: 0 }, ...deps });
  const [a, b] = world.nodes;
  await a.groups.loaded();
  return [a, b];
}

/** Time for whatever does not wait for something. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Does it, while what is flushed is replicated. */
async function replicated<T>(node: Node, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => node.replicate(), 2);
  return work.finally(() => clearInterval(timer));
}

async function member(node: Node): Promise<{ memberId: string; generationId: number }> {
  const { memberId } = await replicated(node, node.join(''));
  const { generationId = -1 } = await replicated(node, node.join(memberId));
  await replicated(node, node.sync(memberId, generationId));
  return { memberId, generationId };
}

test('who takes over knows the members and what was committed, and its predecessor sends clients on', async () => {
  const [a, b] = await start();
  expect(await b.commit('g', 1)).toBe(NOT_COORDINATOR);
  expect(await replicated(a, a.commit('g', 10))).toBe(NONE);
  const { memberId, generationId } = await member(a);

  await world.move(a, b);
  expect((await a.fetch('g')).errorCode).toBe(NOT_COORDINATOR);
  expect(await a.heartbeat(memberId, generationId)).toBe(NOT_COORDINATOR);
  expect(await a.list()).toEqual({ errorCode: NONE, groupIds: [] });
  expect(await a.describe('readers')).toEqual({ errorCode: NOT_COORDINATOR, groupState: '' });
  expect(a.groups.status()).toEqual([]);
  await b.groups.loaded();
  expect(await b.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
  expect(await b.heartbeat(memberId, generationId)).toBe(NONE);
  expect((await b.sync(memberId, generationId)).assignment.toString()).toBe('all of it');
  expect((await b.list()).groupIds.sort()).toEqual(['g', 'readers']);
  expect(await b.describe('readers')).toEqual({ errorCode: NONE, groupState: 'Stable' });
});

test('nothing is told before it is committed, not even to who only asks', async () => {
  const [a] = await start();
  const told: string[] = [];
  const committed = a.commit('g', 10).then(() => told.push('commit'));
  const fetched = a.fetch('g').then(({ offset }) => told.push(`fetch ${offset}`));
  const listed = a.list().then(({ groupIds }) => told.push(`list ${groupIds}`));
  await store.flushed();
  await turns();
  expect(told).toEqual([]);
  a.replicate();
  await Promise.all([committed, fetched, listed]);
  expect(told.sort()).toEqual(['commit', 'fetch 10', 'list g']);
});

describe('what a deposed leader appended and acknowledged to nobody', () => {
  test('is told by who takes over when it is committed, and until then clients are told to wait', async () => {
    const [a, b] = await start();
    const unacknowledged = a.commit('g', 10);
    await world.move(a, b, 1);
    expect(await unacknowledged).toBe(NOT_COORDINATOR);
    await turns();
    expect((await b.fetch('g')).errorCode).toBe(LOADING);
    expect(await b.commit('g', 11)).toBe(LOADING);
    expect(await b.list()).toEqual({ errorCode: LOADING, groupIds: [] });
    expect(await b.heartbeat('m', 1), 'a session is not ended by a move').toBe(NONE);
    b.replicate();
    await b.groups.loaded();
    expect(await b.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
  });

  test('is unknown to who does not have it', async () => {
    const [a, b] = await start();
    expect(await replicated(a, a.commit('g', 10))).toBe(NONE);
    const unacknowledged = a.commit('g', 11);
    await world.move(a, b, 0);
    expect(await unacknowledged).toBe(NOT_COORDINATOR);
    await b.groups.loaded();
    expect(await b.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
  });
});

test('who waits for others to join is sent on when the coordinator moves', async () => {
  const [a, b] = await start({ settings: { initialRebalanceDelayMs: 60_000 } });
  const { memberId } = await replicated(a, a.join(''));
  const waiting = a.join(memberId);
  await world.move(a, b);
  expect((await waiting).errorCode).toBe(NOT_COORDINATOR);
});

test('a load that still waits gives way to that of a newer epoch', async () => {
  const [a, b] = await start();
  void a.commit('g', 10);
  await world.move(a, b, 1);
  const { log } = world;
  b.become(log, world.epoch + 1, 0);
  expect((await b.fetch('g')).errorCode).toBe(LOADING);
  b.become(undefined, world.epoch + 2);
  expect((await b.fetch('g')).errorCode).toBe(NOT_COORDINATOR);
  await b.groups.loaded();
  expect(b.groups.status()).toEqual([]);
  b.become(log, world.epoch + 3);
  await b.groups.loaded();
  expect(await b.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
});

test('a leader that is not sure any more of leading sends everybody on, and begins again when it is', async () => {
  const [a] = await start({ settings: { initialRebalanceDelayMs: 60_000 } });
  expect(await replicated(a, a.commit('g', 10))).toBe(NONE);
  const { memberId } = await replicated(a, a.join(''));
  const waiting = a.join(memberId);
  a.replication.leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
  expect((await a.fetch('g')).errorCode).toBe(NOT_COORDINATOR);
  expect((await waiting).errorCode).toBe(NOT_COORDINATOR);
  a.replication.leaderRefusal = 'NONE';
  a.groups.look(a.partition);
  await a.groups.loaded();
  expect(await a.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
});

describe('with too few replicas', () => {
  test('nothing is changed, members stay, and what is committed is told', async () => {
    const [a] = await start();
    expect(await replicated(a, a.commit('g', 10))).toBe(NONE);
    const { memberId, generationId } = await member(a);
    const { logEndOffset } = world.log;
    a.replication.commitRefusal = 'NOT_ENOUGH_REPLICAS';
    expect(await a.commit('g', 11)).toBe(NOT_AVAILABLE);
    expect((await a.join('')).errorCode).toBe(NOT_AVAILABLE);
    expect(await a.heartbeat(memberId, generationId)).toBe(NONE);
    expect(await a.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
    expect(world.log.logEndOffset).toBe(logEndOffset);
  });

  test('an answer does not wait for ever', async () => {
    const [a] = await start({ settings: { commitTimeoutMs: 20 } });
    expect(await a.commit('g', 11)).toBe(NOT_AVAILABLE);
    expect((await a.fetch('g')).errorCode, 'it still cannot be told').toBe(NOT_AVAILABLE);
    a.replicate();
    expect(await a.fetch('g')).toEqual({ errorCode: NONE, offset: 11 });
  });

  test('what may or may not be committed is not told before it is', async () => {
    const [a] = await start();
    const waiting = a.commit('g', 10);
    await store.flushed();
    await turns();
    a.replication.fail('NOT_ENOUGH_REPLICAS_AFTER_APPEND');
    expect(await waiting).toBe(NOT_COORDINATOR);
    await turns();
    expect((await a.fetch('g')).errorCode).toBe(LOADING);
    a.replicate();
    await a.groups.loaded();
    expect(await a.fetch('g')).toEqual({ errorCode: NONE, offset: 10 });
  });
});

test('the log start moves past what was written anew only when that is committed', async () => {
  const [a, b] = await start();
  const commits = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, i) => a.commit('g', from + i)));
  const last = CHECKPOINT_RECORDS_MIN - 700;
  for (let from = 0; from < last; from += 700) await replicated(a, commits(from, Math.min(last, from + 700)));
  const committing = commits(last, CHECKPOINT_RECORDS_MIN);
  await store.flushed();
  expect(world.log.logEndOffset, 'written anew').toBe(CHECKPOINT_RECORDS_MIN + 1);
  a.replicate(CHECKPOINT_RECORDS_MIN);
  expect(new Set(await committing)).toEqual(new Set([NONE]));
  a.replication.fail('NOT_ENOUGH_REPLICAS_AFTER_APPEND');
  await turns();
  expect(world.log.logStartOffset).toBe(0);

  expect(await replicated(a, a.commit('g', CHECKPOINT_RECORDS_MIN))).toBe(NONE);
  await expect.poll(() => world.log.logStartOffset).toBeGreaterThan(CHECKPOINT_RECORDS_MIN);
  await world.move(a, b);
  await b.groups.loaded();
  expect(await b.fetch('g')).toEqual({ errorCode: NONE, offset: CHECKPOINT_RECORDS_MIN });
});

describe('what was committed for a topic that is deleted', () => {
  test('while nobody leads is forgotten by who loads', async () => {
    const existing = new Set(['kept', 'gone', 'anew']);
    const [a, b] = await start({ topicExists: (topic) => existing.has(topic) });
    for (const topic of existing) expect(await replicated(a, a.commit('g', 7, topic))).toBe(NONE);
    existing.delete('gone');
    void a.commit('g', 8, 'kept');
    await world.move(a, b, 1);
    b.groups.topicDeleted('anew');
    b.replicate();
    await b.groups.loaded();
    const offsets = ['kept', 'gone', 'anew'].map((topic) => replicated(b, b.fetch('g', topic)));
    expect((await Promise.all(offsets)).map(({ offset }) => offset)).toEqual([8, -1, -1]);
  });
});

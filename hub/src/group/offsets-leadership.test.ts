import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogStore, openLogStore } from '@edgelog/log';
import { ErrorCode } from '@edgelog/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OFFSETS_TOPIC } from '../metadata/internal-topics.ts';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import { Topics } from '../metadata/topics.ts';
import { Node } from './moving-offsets.ts';
import { OffsetsLeadership } from './offsets-leadership.ts';

let dir: string;
let store: LogStore;
let node: Node;
let topics: Topics;
let leadership: OffsetsLeadership;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-leadership-'));
  store = await openLogStore({ dir, flush: false });
  topics = new Topics(topicConfigDefinitions(2 ** 20, 2 ** 28, 1));
  node = new Node({ topicExists: (topic) => topics.get(topic) !== undefined });
  node.partition.whenChanged.clear();
  leadership = new OffsetsLeadership({ topics, groups: node.groups, isClustered: true });
});

afterEach(async () => {
  leadership.close();
  await node.groups.stop();
  await store.close();
  rmSync(dir, { recursive: true });
});

const addTopic = (name: string, id: string) =>
  topics.add({ name, id, configs: {}, createdAtMs: 0 }, name === OFFSETS_TOPIC ? [node.partition] : []);

test('partitions that come later are led as soon as the broker does, and until they are deleted', async () => {
  addTopic('telemetry', '1');
  addTopic(OFFSETS_TOPIC, '0');
  expect((await node.list()).groupIds).toEqual([]);
  node.become(store.createPartition('log'), 3);
  await node.groups.loaded();
  const committing = node.commit('g', 1);
  await store.flushed();
  node.replicate();
  expect(await committing).toBe(ErrorCode.NONE);

  topics.remove(OFFSETS_TOPIC);
  expect((await node.list()).groupIds).toEqual([]);
  expect(node.partition.whenChanged.size).toBe(0);
});

test('a leader that nobody tells whether it surely leads finds out by itself', async () => {
  addTopic('telemetry', '1');
  addTopic(OFFSETS_TOPIC, '0');
  node.become(store.createPartition('log'), 3);
  await node.groups.loaded();
  const committing = node.commit('g', 1);
  await store.flushed();
  node.replication.leaderRefusal = 'NOT_LEADER_OR_FOLLOWER';
  expect(await committing).toBe(ErrorCode.NOT_COORDINATOR);
  node.replication.leaderRefusal = 'NONE';
  node.replication.replicate();
  await expect.poll(() => node.list()).toEqual({ errorCode: 0, groupIds: ['g'] });
});

import { ErrorCode } from '@edgelog/wire';
import { expect, test } from 'vitest';
import type { ClusterView } from '../cluster-view.ts';
import { LeaderHints } from './leader-hints.ts';
import { describedLeadership } from './leadership.ts';
import { Partition } from './partition.ts';
import type { Leadership, Replication } from './replication.ts';

const NODES = [1, 2, 3].map((nodeId) => ({ nodeId, host: 'h', port: 9000 + nodeId, rack: null }));
const cluster: ClusterView = {
  nodes: () => NODES,
  isAlive: (id) => NODES.some(({ nodeId }) => nodeId === id),
  absent: [4],
  controllerId: 1,
  isMember: true,
};
const ledBy = (leaderId: number): Leadership => ({
  leaderId,
  leaderEpoch: 7,
  replicas: [leaderId < 0 ? 1 : leaderId, 4],
  isr: [1],
  elr: [],
  adding: [],
  removing: [],
});
const partition = (leaderId: number) =>
  new Partition('t', 0, undefined, { leadership: ledBy(leaderId) } as Replication);

test('a client is told the leader that it did not find, and where that is', () => {
  const hints = new LeaderHints(cluster, { host: 'h', port: 1 });
  expect(hints.for(partition(2), ErrorCode.NOT_LEADER_OR_FOLLOWER)).toEqual({
    currentLeader: { leaderId: 2, leaderEpoch: 7 },
  });
  expect(hints.for(partition(2), ErrorCode.FENCED_LEADER_EPOCH)).toMatchObject({
    currentLeader: { leaderId: 2 },
  });
  expect(hints.endpoints).toEqual([NODES[1]]);
});

test('nothing is told where the leader is not what lacks, or there is none', () => {
  const hints = new LeaderHints(cluster, { host: 'h', port: 1 });
  expect(hints.for(partition(2), ErrorCode.NONE)).toEqual({});
  expect(hints.for(partition(2), ErrorCode.NOT_ENOUGH_REPLICAS)).toEqual({});
  expect(hints.for(partition(-1), ErrorCode.NOT_LEADER_OR_FOLLOWER)).toEqual({});
  expect(hints.for(partition(4), ErrorCode.NOT_LEADER_OR_FOLLOWER)).toEqual({});
  expect(hints.endpoints).toEqual([]);
});

test('metadata name a leader only while it is there, and the replicas that are not', () => {
  expect(describedLeadership(ledBy(2), cluster)).toMatchObject({
    errorCode: ErrorCode.NONE,
    leaderId: 2,
    offlineReplicas: [4],
  });
  for (const gone of [4, -1])
    expect(describedLeadership(ledBy(gone), cluster)).toMatchObject({
      errorCode: ErrorCode.LEADER_NOT_AVAILABLE,
      leaderId: -1,
      leaderEpoch: 7,
    });
});

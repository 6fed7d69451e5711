import { errorName } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { snapshot } from './checkpoint.ts';
import { GROUP, Harness } from './harness.ts';
import type { GroupRecord } from './records/index.ts';
import { replay } from './replay.ts';
import { createShard, type Group, type Shard } from './state.ts';

/**
 * Any order of requests, time and loss, from clients that behave and from some that do not. Invariants: README.md.
 * A client remembers what it was last told, as a real one does.
 */
interface Client {
  readonly instance: string | null;
  memberId: string;
  generation: number;
  isLeader: boolean;
  members: readonly string[];
  join: number | undefined;
  sync: number | undefined;
}

type Action =
  | { do: 'join'; client: number; protocols: string[]; version: number; metadata: string }
  | { do: 'sync' | 'heartbeat' | 'leave' | 'restart'; client: number }
  | { do: 'commit'; client: number; partition: number; asMember: boolean }
  | { do: 'wait'; ms: number }
  | { do: 'expire' }
  | { do: 'deleteTopic' }
  | { do: 'deleteGroup' }
  | { do: 'deleteOffset'; partition: number }
  | { do: 'zombie'; client: number; what: 'heartbeat' | 'sync' | 'commit' };

const client = fc.nat(4);
const actions = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('join' as const),
        client,
        protocols: fc.constantFrom<string[]>(['range'], ['range', 'sticky'], ['sticky', 'range'], ['own']),
        version: fc.constantFrom(3, 5, 8, 9),
        metadata: fc.constantFrom('one', 'two'),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'heartbeat' as const), client }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'restart' as const), client }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('commit' as const),
        client,
        partition: fc.nat(3),
        asMember: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.constantFrom(100, 1_000, 5_000, 20_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Action>({ do: 'expire' }, { do: 'deleteTopic' }, { do: 'deleteGroup' }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteOffset' as const), partition: fc.nat(3) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('zombie' as const),
        client,
        what: fc.constantFrom('heartbeat' as const, 'sync' as const, 'commit' as const),
      }),
    },
  ),
  { maxLength: 80, size: 'max' },
);

class World {
  readonly h = new Harness({ offsetsRetentionMs: 60_000, membersMax: 4 });
  readonly clients: Client[] = [null, null, null, 'a', 'b'].map((instance) => fresh(instance));
  readonly committed = new Map<number, number>();
  #nextOffset = 1;
  #generation = 0;

  apply(action: Action): void {
    switch (action.do) {
      case 'join': {
        const { memberId, instance } = this.clients[action.client]!;
        const { protocols, version, metadata } = action;
        const ticket = this.h.join({
          memberId,
          instance,
          protocols,
          metadata,
          apiVersion: version,
          sessionTimeoutMs: 8_000,
          rebalanceTimeoutMs: 6_000,
        });
        this.clients[action.client]!.join = ticket;
        break;
      }
      case 'sync': {
        const one = this.clients[action.client]!;
        const assign = one.isLeader ? Object.fromEntries(one.members.map((id) => [id, id])) : {};
        one.sync = this.h.sync(one.memberId, {
          generation: one.generation,
          assign,
          ...(one.instance !== null && { instance: one.instance }),
        });
        break;
      }
      case 'heartbeat': {
        const one = this.clients[action.client]!;
        const error = this.h.heartbeat(one.memberId, { generation: one.generation });
        if (error === 'UNKNOWN_MEMBER_ID') one.memberId = '';
        break;
      }
      case 'leave':
        this.h.leave([{ memberId: this.clients[action.client]!.memberId }]);
        break;
      case 'restart':
        this.clients[action.client] = fresh(this.clients[action.client]!.instance);
        break;
      case 'commit': {
        const { memberId, generation } = this.clients[action.client]!;
        const offset = this.#nextOffset++;
        const { partition, asMember } = action;
        const error = this.h.commit({ offset, partition, ...(asMember && { memberId, generation }) });
        if (error === 'NONE') this.committed.set(partition, offset);
        break;
      }
      case 'wait':
        this.h.advance(action.ms);
        break;
      case 'expire':
        this.h.send({ type: 'expire' });
        this.forgetExpired();
        break;
      case 'deleteTopic':
        this.h.send({ type: 'topicDeleted', topic: 'telemetry' });
        this.committed.clear();
        break;
      case 'deleteGroup':
        if (this.h.deleteGroup() === 'NONE') this.committed.clear();
        break;
      case 'deleteOffset':
        if (this.h.deleteOffset('telemetry', action) === 'NONE') this.committed.delete(action.partition);
        break;
      case 'zombie': {
        const { memberId, generation } = this.clients[action.client]!;
        if (action.what === 'heartbeat') this.h.heartbeat(`${memberId}x`, { generation });
        else if (action.what === 'sync') this.h.sync(memberId, { generation: generation - 1 });
        else
          expect(this.h.commit({ offset: 999_999, memberId: `${memberId}x`, generation: 1 })).not.toBe(
            'NONE',
          );
      }
    }
    this.readReplies();
    this.check();
  }

  /** What a proper client does once a second. */
  behave(index: number): void {
    const one = this.clients[index]!;
    const error = this.h.heartbeat(one.memberId, { generation: one.generation });
    if (error !== 'NONE' && one.join === undefined) {
      if (error === 'UNKNOWN_MEMBER_ID' && !this.h.group()?.pendingJoin.has(one.memberId)) one.memberId = '';
      this.apply({ do: 'join', client: index, protocols: ['range'], version: 9, metadata: 'one' });
    }
    if (this.h.group()?.pendingSync.has(one.memberId)) this.apply({ do: 'sync', client: index });
  }

  /** I6 allows what is past its retention to go, and nothing else. */
  forgetExpired(): void {
    for (const [partition, offset] of this.committed) {
      if (this.h.committed('telemetry', partition) !== undefined) continue;
      const record = this.h.log.findLast(
        (r) => r.type === 'offset' && r.partition === partition && r.value?.offset === offset,
      ) as Extract<GroupRecord, { type: 'offset' }>;
      expect(this.h.now - record.value!.commitTimestamp).toBeGreaterThanOrEqual(60_000);
      this.committed.delete(partition);
    }
  }

  readReplies(): void {
    for (const one of this.clients) {
      const joined = one.join === undefined ? undefined : this.h.replies.get(one.join);
      if (joined?.kind === 'join') {
        one.join = undefined;
        const { memberId, generationId, leader, members } = joined.body;
        const error = errorName(joined.body.errorCode);
        if (error === 'MEMBER_ID_REQUIRED') one.memberId = memberId;
        else if (error === 'NONE') {
          Object.assign(one, {
            memberId,
            generation: generationId,
            isLeader: leader === memberId && !joined.body.skipAssignment,
            members: members.map((m) => m.memberId),
          });
        } else if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') one.memberId = '';
      }
      const synced = one.sync === undefined ? undefined : this.h.replies.get(one.sync);
      if (synced) one.sync = undefined;
    }
  }

  check(): void {
    for (const [partition, offset] of this.committed) {
      expect(this.h.committed('telemetry', partition), 'I6 a committed offset is there').toBe(offset);
    }
    const group = this.h.group();
    if (!group) {
      this.#generation = 0;
      expect(this.h.recovered().groups.has(GROUP), 'I7 nothing of a dead group comes back').toBe(false);
      return;
    }
    expect(group.generationId, 'I1 generations only grow').toBeGreaterThanOrEqual(this.#generation);
    this.#generation = group.generationId;
    checkMembers(group);
    checkWaiting(this.h, group);
    const recovered = this.h.recovered();
    expect(durable(recovered), 'I7 replay gives what is durable').toEqual(durable(this.h.shard));
    const compacted = createShard();
    for (const record of snapshot(this.h.shard)) replay(compacted, record);
    expect(durable(compacted), 'I8 the snapshot is worth the log').toEqual(durable(this.h.shard));
  }
}

function checkMembers(group: Group): void {
  const { members, state } = group;
  if (members.size > 0) {
    expect(members.has(group.leaderId!), 'I2 one leader, and it is a member').toBe(true);
    const common = [...group.protocolCounts].filter(([, count]) => count === members.size);
    expect(common, 'I3 members have a protocol in common').not.toHaveLength(0);
  } else {
    expect(['Empty', 'PreparingRebalance'], 'I2 no members, no generation').toContain(state);
  }
  if (state === 'Empty') expect(members.size, 'I2 an empty group has no members').toBe(0);
  const counts = new Map<string, number>();
  let awaiting = 0;
  for (const member of members.values()) {
    for (const name of member.protocols.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (member.awaitingJoin !== undefined) awaiting++;
    if (member.groupInstanceId !== null)
      expect(group.staticMembers.get(member.groupInstanceId)).toBe(member.memberId);
    expect(group.pendingJoin.has(member.memberId), 'I2 a member is not pending').toBe(false);
  }
  expect(group.protocolCounts, 'I3 the votes are counted').toEqual(counts);
  expect(group.awaitingJoinCount).toBe(awaiting);
  expect(members.size + group.pendingJoin.size, 'I4 the size is bounded').toBeLessThanOrEqual(4);
}

function checkWaiting(h: Harness, group: Group): void {
  const waiting = new Set<number>();
  for (const { awaitingJoin, awaitingSync } of group.members.values()) {
    if (awaitingJoin !== undefined) waiting.add(awaitingJoin);
    if (awaitingSync !== undefined) waiting.add(awaitingSync);
    if (awaitingJoin !== undefined) expect(group.state, 'I5').toBe('PreparingRebalance');
    if (awaitingSync !== undefined) expect(group.state, 'I5').toBe('CompletingRebalance');
  }
  expect(h.open, 'I5 every request that waits is remembered, once').toEqual(waiting);
  if (group.state === 'PreparingRebalance') expect(group.joinTimer, 'I5 the join phase ends').toBeDefined();
  if (waiting.size > 0 || group.pendingJoin.size > 0) {
    expect(group.wakeAt, 'I5 whoever waits will be looked at').toBeLessThan(Number.POSITIVE_INFINITY);
  }
}

/** What must survive: offsets and the last recorded generation. */
function durable(shard: Shard) {
  const groups = [...shard.groups].filter(([, { offsets, recorded }]) => recorded || offsets.size > 0);
  return new Map(groups.map(([groupId, { offsets, recorded }]) => [groupId, { offsets, recorded }]));
}

const fresh = (instance: string | null): Client => ({
  instance,
  memberId: '',
  generation: -1,
  isLeader: false,
  members: [],
  join: undefined,
  sync: undefined,
});

test('whatever clients do, the invariants hold after every step', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World();
      for (const action of list) world.apply(action);
    }),
    { numRuns: 150 },
  );
});

const BEHAVING = [0, 1, 2, 3];

test('I9 once everybody behaves, all are assigned within a minute', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World();
      for (const action of list) world.apply(action);
      for (const [index, { instance }] of world.clients.entries()) world.clients[index] = fresh(instance);
      for (let second = 0; second < 60; second++) {
        for (const index of BEHAVING) world.behave(index);
        world.apply({ do: 'wait', ms: 1_000 });
      }
      const group = world.h.group()!;
      expect(group.state).toBe('Stable');
      for (const { memberId } of BEHAVING.map((index) => world.clients[index]!)) {
        expect(group.members.get(memberId)?.assignment.toString(), 'every member is assigned').toBe(memberId);
      }
    }),
    { numRuns: 20 },
  );
});

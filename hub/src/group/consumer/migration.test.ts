import { errorName, readConsumerAssignment, writeConsumerAssignment } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import { subscription, subscriptionTo } from '../harness.ts';
import type { GroupSettings } from '../settings.ts';
import { ConsumerHarness, told, topicId } from './harness.ts';

function harness(settings: Partial<GroupSettings> = {}): ConsumerHarness {
  const h = new ConsumerHarness(settings);
  h.topics.set('one', { id: topicId(1), partitions: 4 });
  return h;
}

const metadata = subscriptionTo('one');
const errorOf = ({ errorCode }: { errorCode: number }) => errorName(errorCode);
const having = (...partitions: number[]) => writeConsumerAssignment(1, [{ topic: 'one', partitions }]);

/** A stable classic group that shares the four partitions; gives its members' ids. */
function classic(
  h: ConsumerHarness,
  shares: readonly number[][],
  instances: readonly string[] = [],
): string[] {
  const joins = shares.map((_, i) => {
    const instance = instances[i] ?? null;
    return h.join({ metadata, instance, apiVersion: 3 });
  });
  h.advance(1_500);
  const answers = joins.map((ticket) => h.reply('join', ticket));
  const ids = answers.map(({ memberId }) => memberId);
  const assign = Object.fromEntries(ids.map((id, i) => [id, having(...shares[i]!)]));
  for (const { memberId, leader } of answers) if (memberId !== leader) h.sync(memberId);
  h.sync(answers[0]!.leader, { assign });
  expect(h.group()?.state).toBe('Stable');
  return ids;
}

const assigned = (h: ConsumerHarness, ticket: number) =>
  readConsumerAssignment(h.reply('sync', ticket).assignment).flatMap(({ partitions }) => partitions);

/** JoinGroup and SyncGroup of a member that gives up everything first; what it is assigned. */
function rejoin(h: ConsumerHarness, memberId: string, instance: string | null = null): number[] {
  const { errorCode, generationId } = h.reply('join', h.join({ memberId, metadata, instance }));
  expect(errorName(errorCode)).toBe('NONE');
  return assigned(h, h.sync(memberId, { generation: generationId! }));
}

describe('a classic group that a member of the new protocol joins', () => {
  test('goes on: who was in keeps its partitions until it joins again, and then all share', () => {
    const h = harness();
    const [a, b] = classic(h, [
      [0, 1],
      [2, 3],
    ]) as [string, string];
    expect(h.commit({ memberId: a, generation: 1, topic: 'one', offset: 7 })).toBe('NONE');
    const first = h.enter('new', ['one']);
    expect([first.memberEpoch, told(first)]).toEqual([2, []]);
    expect(h.committed('one')).toBe(7);
    expect(h.commit({ memberId: a, generation: 1, topic: 'one', offset: 8 })).toBe('NONE');
    for (const id of [a, b]) expect(h.heartbeat(id, { generation: 1 })).toBe('REBALANCE_IN_PROGRESS');
    const shares = [...rejoin(h, a), ...rejoin(h, b)];
    expect(h.heartbeat(a, { generation: 2 })).toBe('NONE');
    const own = h.consumer.members.get('new')!;
    expect(told(h.beat('new', 2))).toHaveLength(1);
    expect([...shares, ...(own.current.assigned.get(topicId(1)) ?? [])].sort()).toEqual([0, 1, 2, 3]);
    expect(h.commit({ memberId: a, generation: 1, topic: 'one', partition: 3, offset: 9 })).toBe(
      'ILLEGAL_GENERATION',
    );
    expect(h.commit({ memberId: a, generation: 2, topic: 'one', offset: 9, apiVersion: 5 })).toBe('NONE');
  });

  test('sends those who wait for its next generation to join again', () => {
    const h = harness();
    const [a] = classic(h, [
      [0, 1],
      [2, 3],
    ]) as [string, string];
    const waiting = h.join({ memberId: a, metadata: subscriptionTo('one', 'two') });
    h.enter('new', ['one']);
    expect(h.error(waiting)).toBe('REBALANCE_IN_PROGRESS');
    expect(h.open.size).toBe(0);
  });

  test('takes what members say they keep for theirs, in the middle of a cooperative rebalance', () => {
    const h = harness();
    const [a, b] = classic(h, [
      [0, 1],
      [2, 3],
    ]) as [string, string];
    const keeps = (...partitions: number[]) => subscription(['one'], [{ topic: 'one', partitions }]);
    h.join({ memberId: a, metadata: keeps(0, 1) });
    h.join({ memberId: b, metadata: keeps(2, 3) });
    h.memberId({ metadata });
    h.leave([{ memberId: b }]);
    h.enter('new', ['one']);
    expect(h.consumer.members.get(a)!.current.assigned.get(topicId(1))).toEqual([0, 1]);
  });

  test.each(['disabled', 'downgrade'] as const)('stays what it is where the policy is %s', (policy) => {
    const h = harness({ consumerMigrationPolicy: policy });
    const [a] = classic(h, [[0, 1, 2, 3]]) as [string];
    expect(errorOf(h.enter('new', ['one']))).toBe('GROUP_ID_NOT_FOUND');
    expect(h.heartbeat(a)).toBe('NONE');
  });

  test('stays what it is where it is no group of consumers, or full', () => {
    const connect = harness();
    connect.stable(1, { protocolType: 'connect' });
    expect(errorOf(connect.enter('new', ['one']))).toBe('GROUP_ID_NOT_FOUND');
    const full = harness({ membersMax: 1 });
    classic(full, [[0, 1, 2, 3]]);
    expect(errorOf(full.enter('new', ['one']))).toBe('GROUP_MAX_SIZE_REACHED');
    expect(full.group()?.state).toBe('Stable');
  });

  test('gives a static member that comes with the new protocol the place of its former self', () => {
    const h = harness();
    const [, b] = classic(
      h,
      [
        [0, 1],
        [2, 3],
      ],
      ['i', 'j'],
    ) as [string, string];
    const back = h.enter('new', ['one'], { instanceId: 'i' });
    expect([back.memberEpoch, told(back)]).toEqual([2, ['1:0,1']]);
    expect(h.heartbeat(b, { generation: 1, instance: 'j' })).toBe('REBALANCE_IN_PROGRESS');
    expect(rejoin(h, b, 'j')).toEqual([2, 3]);
  });
});

describe('members of the classic protocol in a group of the new one', () => {
  test('get their id first, then an answer at once, and are described as what they are', () => {
    const h = harness();
    h.enter('new', ['one']);
    const { memberId, errorCode } = h.reply('join', h.join({ metadata }));
    expect(errorName(errorCode)).toBe('MEMBER_ID_REQUIRED');
    const joined = h.reply('join', h.join({ memberId, metadata }));
    expect(joined).toMatchObject({
      errorCode: 0,
      generationId: 2,
      leader: '',
      members: [],
      protocolName: 'range',
    });
    expect(assigned(h, h.sync(memberId, { generation: 2 }))).toEqual([]);
    h.beat('new', 1, { topicPartitions: [{ topicId: topicId(1), partitions: [0, 1, 2, 3] }] });
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('NONE');
    h.beat('new', 1, { topicPartitions: [{ topicId: topicId(1), partitions: [0, 1] }] });
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('REBALANCE_IN_PROGRESS');
    expect(rejoin(h, memberId)).toEqual([2, 3]);
  });

  test('of other groups, or without metadata that can be read, are refused', () => {
    const h = harness();
    h.enter('new', ['one']);
    for (const wrong of [
      { protocolType: 'connect', metadata },
      { metadata: 'x' },
      { metadata, protocols: [] },
    ])
      expect(h.error(h.join(wrong))).toBe('INCONSISTENT_GROUP_PROTOCOL');
    rejoin(h, h.memberId({ metadata }));
    expect(h.error(h.join({ metadata, protocols: ['sticky'] }))).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(h.heartbeat('new', { generation: 1 })).toBe('UNKNOWN_MEMBER_ID');
  });

  test.each(['sync', 'join'])(
    'that do not %s within the rebalance timeout are out, and that is noted',
    (what) => {
      const h = harness({ consumerSessionTimeoutMs: 120_000 });
      h.enter('new', ['one']);
      const memberId = h.memberId({ metadata });
      h.join({ memberId, metadata });
      if (what === 'join') {
        h.sync(memberId, { generation: 2 });
        h.enter('other', ['one']);
      }
      for (let second = 0; second < 25 && h.consumer.members.has(memberId); second += 5) {
        h.heartbeat(memberId, { generation: 2 });
        h.advance(5_000);
      }
      expect(h.consumer.members.has(memberId)).toBe(false);
      expect(h.removals).toMatchObject([{ memberId, reason: 'rebalance timeout', timeoutMs: 20_000 }]);
    },
  );

  test('that are silent for their own session are out', () => {
    const h = harness();
    h.enter('new', ['one']);
    const memberId = h.memberId({ metadata });
    rejoin(h, memberId);
    h.advance(10_000);
    expect([...h.consumer.members.keys()]).toEqual(['new']);
    expect(h.removals).toMatchObject([{ memberId, reason: 'session timeout', timeoutMs: 10_000 }]);
  });

  test('that were removed without knowing it are told, as long as they still read', () => {
    const h = harness();
    h.enter('new', ['one']);
    const memberId = h.memberId({ metadata });
    rejoin(h, memberId);
    h.advance(10_000);
    const reads = subscription(['one'], [{ topic: 'one', partitions: [2, 3] }]);
    expect(h.error(h.join({ memberId, metadata: reads }))).toBe('UNKNOWN_MEMBER_ID');
    expect(h.error(h.join({ memberId, metadata }))).toBe('NONE');
  });

  test('leave, and the others are given theirs', () => {
    const h = harness();
    h.enter('new', ['one']);
    const memberId = h.memberId({ metadata });
    rejoin(h, memberId);
    const { members } = h.leave([{ memberId }, { memberId }, { memberId: 'new' }]);
    expect(members!.map(errorOf)).toEqual(['NONE', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID']);
    expect([...h.consumer.members.keys()]).toEqual(['new']);
  });
});

describe('a group whose last member of the new protocol goes', () => {
  function mixed(settings: Partial<GroupSettings> = {}) {
    const h = harness(settings);
    h.enter('new', ['one']);
    const memberId = h.memberId({ metadata });
    rejoin(h, memberId);
    h.beat('new', 1, { topicPartitions: [{ topicId: topicId(1), partitions: [0, 1] }] });
    rejoin(h, memberId);
    return { h, memberId };
  }

  test.each(['leaves', 'is silent'])('is a classic one when it %s, whose members join again', (how) => {
    const { h, memberId } = mixed();
    expect(h.commit({ memberId, generation: 2, topic: 'one', offset: 5 })).toBe('NONE');
    if (how === 'leaves') h.beat('new', -1);
    for (let i = 0; i < 10 && h.group()?.consumer; i++) {
      h.heartbeat(memberId, { generation: 2 });
      h.advance(9_000);
    }
    expect(h.group()).toMatchObject({ state: 'PreparingRebalance', generationId: 2, consumer: undefined });
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('REBALANCE_IN_PROGRESS');
    expect(h.reply('join', h.join({ memberId, metadata }))).toMatchObject({
      generationId: 3,
      leader: memberId,
    });
    expect(h.committed('one')).toBe(5);
  });

  test('lets members that had not caught up go on, and commit what they read, until they join again', () => {
    const { h, memberId } = mixed();
    h.enter('other', ['one']);
    h.beat('other', -1);
    h.beat('new', -1);
    expect(h.group()).toMatchObject({ state: 'PreparingRebalance', generationId: 4 });
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('REBALANCE_IN_PROGRESS');
    expect(h.commit({ memberId, generation: 2, topic: 'one', offset: 6 })).toBe('NONE');
    expect(h.reply('join', h.join({ memberId, metadata })).generationId).toBe(5);
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('ILLEGAL_GENERATION');
  });

  test('rebalances too when another coordinator takes over right then', () => {
    const { h, memberId } = mixed();
    h.beat('new', -1);
    h.failOver();
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('REBALANCE_IN_PROGRESS');
  });

  test.each(['disabled', 'upgrade'] as const)('stays what it is where the policy is %s', (policy) => {
    const { h, memberId } = mixed({ consumerMigrationPolicy: policy });
    h.beat('new', -1);
    expect(h.heartbeat(memberId, { generation: 2 })).toBe('REBALANCE_IN_PROGRESS');
    expect(rejoin(h, memberId)).toEqual([0, 1, 2, 3]);
    expect(h.consumer.members.size).toBe(1);
  });

  test('is a classic one without a rebalance when that is a static member which comes back with the classic protocol', () => {
    const h = harness();
    h.enter('new', ['one'], { instanceId: 'i' });
    const other = h.reply('join', h.join({ metadata, instance: 'j' })).memberId;
    h.beat('new', 1, { instanceId: 'i', topicPartitions: [{ topicId: topicId(1), partitions: [0, 1] }] });
    h.beat('new', 1, { instanceId: 'i', topicPartitions: [{ topicId: topicId(1), partitions: [0, 1] }] });
    const again = h.reply('join', h.join({ memberId: other, metadata, instance: 'j' }));
    h.sync(other, { instance: 'j', generation: again.generationId! });
    h.beat('new', -2, { instanceId: 'i' });
    const back = h.reply('join', h.join({ metadata, instance: 'i' }));
    expect(back).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(h.group()).toMatchObject({ state: 'Stable', consumer: undefined });
    expect(assigned(h, h.sync(back.memberId, { instance: 'i', generation: 2 }))).toEqual([0, 1]);
    expect(h.heartbeat(other, { instance: 'j', generation: 2 })).toBe('NONE');
  });
});

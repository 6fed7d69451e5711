import { ErrorCode } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

describe('a new dynamic member', () => {
  test('of version 4 or later is first given its id and must come back with it', () => {
    const h = new Harness();
    const { errorCode, memberId } = h.reply('join', h.join({ apiVersion: 4 }));
    expect(errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED);
    expect(memberId).toMatch(/^client-/);
    const joined = h.join({ apiVersion: 4, memberId });
    expect(h.open).toContain(joined);
    h.advance(1_000);
    expect(h.reply('join', joined)).toMatchObject({ errorCode: 0, generationId: 1, leader: memberId });
  });

  test('of version 3 or earlier joins at once', () => {
    const h = new Harness();
    const joined = h.join({ apiVersion: 3 });
    h.advance(1_000);
    expect(h.error(joined)).toBe('NONE');
  });

  test('that never comes back with its id is forgotten after its session timeout', () => {
    const h = new Harness();
    const memberId = h.memberId({ sessionTimeoutMs: 10_000 });
    h.advance(10_000);
    expect(h.error(h.join({ memberId }))).toBe('UNKNOWN_MEMBER_ID');
    expect(h.group()?.pendingJoin.size).toBe(0);
  });

  test('with an id that nobody gave is unknown, whether the group exists or not', () => {
    const h = new Harness();
    expect(h.error(h.join({ memberId: 'made-up' }))).toBe('UNKNOWN_MEMBER_ID');
    expect(h.group()).toBeUndefined();
    h.stable(1);
    expect(h.error(h.join({ memberId: 'made-up' }))).toBe('UNKNOWN_MEMBER_ID');
  });
});

describe('refusals', () => {
  test('an empty group id is invalid', () => {
    expect(errorOf({ groupId: '' })).toBe('INVALID_GROUP_ID');
  });

  test.each([5_999, 1_800_001])('a session timeout of %i ms is out of bounds', (sessionTimeoutMs) => {
    expect(errorOf({ sessionTimeoutMs })).toBe('INVALID_SESSION_TIMEOUT');
  });

  test('a member without protocols, or without a type, makes no group', () => {
    expect(errorOf({ protocols: [] })).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(errorOf({ protocolType: '' })).toBe('INCONSISTENT_GROUP_PROTOCOL');
  });

  test('a member of another type, or without a protocol in common, cannot join', () => {
    const h = new Harness();
    h.stable(2, { protocols: ['range', 'sticky'] });
    expect(h.error(h.join({ protocolType: 'connect', protocols: ['range'] }))).toBe(
      'INCONSISTENT_GROUP_PROTOCOL',
    );
    expect(h.error(h.join({ protocols: ['roundrobin'] }))).toBe('INCONSISTENT_GROUP_PROTOCOL');
    expect(h.error(h.join({ protocols: ['roundrobin', 'sticky'] }))).toBe('MEMBER_ID_REQUIRED');
  });

  test('names that no record can hold are refused', () => {
    const long = 'x'.repeat(40_000);
    expect(errorOf({ groupId: long })).toBe('INVALID_GROUP_ID');
    expect(errorOf({ instance: long })).toBe('INVALID_REQUEST');
    expect(errorOf({ protocols: [long] })).toBe('INCONSISTENT_GROUP_PROTOCOL');
  });
});

describe('the size of a group is bounded', () => {
  test('handed-out ids count, and their holders still get in', () => {
    const h = new Harness({ membersMax: 2 });
    const ids = [h.memberId(), h.memberId()];
    expect(h.error(h.join())).toBe('GROUP_MAX_SIZE_REACHED');
    const joins = ids.map((memberId) => h.join({ memberId }));
    h.advance(1_000);
    expect(joins.map((ticket) => h.error(ticket))).toEqual(['NONE', 'NONE']);
    expect(h.error(h.join())).toBe('GROUP_MAX_SIZE_REACHED');
  });

  test('a static member takes its own place over in a full group', () => {
    const h = new Harness({ membersMax: 1 });
    const first = h.join({ instance: 'a' });
    h.advance(1_000);
    const { memberId } = h.reply('join', first);
    h.sync(memberId, { instance: 'a' });
    expect(h.error(h.join({ instance: 'b' }))).toBe('GROUP_MAX_SIZE_REACHED');
    expect(h.error(h.join({ instance: 'a' }))).toBe('NONE');
  });

  test('so are the bytes that its members hold', () => {
    const h = new Harness({ groupMetadataBytesMax: 1_000 });
    const id = h.memberId({ metadata: 'x'.repeat(600) });
    h.join({ memberId: id, metadata: 'x'.repeat(600) });
    expect(h.error(h.join({ metadata: 'y'.repeat(600) }))).toBe('GROUP_MAX_SIZE_REACHED');
    h.advance(1_000);
    h.sync(id);
    const again = h.join({ memberId: id, metadata: 'z'.repeat(900) });
    expect(h.error(again)).toBe('NONE');
  });
});

describe('a member that joins again', () => {
  test('unchanged gets the running generation when it is a follower', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2);
    expect(h.reply('join', h.join({ memberId: follower! }))).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader,
      members: [],
    });
    expect(h.group()?.state).toBe('Stable');
  });

  test('as leader starts a rebalance, for it may have seen new partitions', () => {
    const h = new Harness();
    const [leader] = h.stable(2);
    const ticket = h.join({ memberId: leader! });
    expect(h.open).toContain(ticket);
    expect(h.group()?.state).toBe('PreparingRebalance');
  });

  test('with other metadata starts a rebalance', () => {
    const h = new Harness();
    const [, follower] = h.stable(2);
    h.join({ memberId: follower!, metadata: 'other topics' });
    expect(h.group()?.state).toBe('PreparingRebalance');
  });

  test('because its answer was lost gets it again, the leader with the members', () => {
    const h = new Harness();
    const memberId = h.memberId();
    h.join({ memberId });
    h.advance(1_000);
    expect(h.reply('join', h.join({ memberId }))).toMatchObject({
      generationId: 1,
      leader: memberId,
      members: [{ memberId }],
    });
  });

  test('while it waits already has the older request answered', () => {
    const h = new Harness();
    const memberId = h.memberId();
    const lost = h.join({ memberId });
    const again = h.join({ memberId });
    expect(h.error(lost)).toBe('REBALANCE_IN_PROGRESS');
    h.advance(1_000);
    expect(h.error(again)).toBe('NONE');
  });
});

test('the first generation waits for more members, at most as long as the rebalance timeout', () => {
  const h = new Harness({ initialRebalanceDelayMs: 500 });
  const first = h.join({ apiVersion: 3, rebalanceTimeoutMs: 1_200 });
  h.advance(400);
  h.join({ apiVersion: 3, rebalanceTimeoutMs: 1_200 });
  h.advance(400);
  const third = h.join({ apiVersion: 3, rebalanceTimeoutMs: 1_200 });
  expect(h.open.size).toBe(3);
  h.advance(700);
  expect(h.open.size).toBe(0);
  expect(h.reply('join', first).members).toHaveLength(3);
  expect(h.reply('join', third)).toMatchObject({ generationId: 1, members: [] });
});

test('the protocol that most members like best among the common ones is chosen', () => {
  const h = new Harness();
  const tickets = [
    h.join({ apiVersion: 3, protocols: ['range', 'sticky', 'own'] }),
    h.join({ apiVersion: 3, protocols: ['own2', 'sticky', 'range'] }),
    h.join({ apiVersion: 3, protocols: ['sticky', 'range'] }),
  ];
  h.advance(1_000);
  for (const ticket of tickets) expect(h.reply('join', ticket).protocolName).toBe('sticky');
  expect(h.reply('join', tickets[0]!).members.map(({ metadata }) => metadata.toString())).toEqual(
    Array(3).fill('sticky'),
  );
});

test('a group is on record from the first id that it gives', () => {
  const h = new Harness();
  h.memberId();
  expect(h.recovered().groups.get('readers')).toMatchObject({ state: 'Empty', generationId: 0 });
});

function errorOf(options: Parameters<Harness['join']>[0]) {
  const h = new Harness();
  const error = h.error(h.join(options));
  expect(h.shard.groups.size).toBe(0);
  return error;
}

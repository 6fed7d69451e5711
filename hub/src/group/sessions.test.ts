import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

describe('a session', () => {
  test('lives as long as heartbeats come, and ends without them', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2, { sessionTimeoutMs: 10_000 });
    h.advance(9_000);
    expect(h.heartbeat(leader!)).toBe('NONE');
    h.advance(1_000);
    expect(h.group()?.members.has(follower!)).toBe(false);
    expect(h.heartbeat(leader!)).toBe('REBALANCE_IN_PROGRESS');
    expect(h.heartbeat(follower!)).toBe('UNKNOWN_MEMBER_ID');
  });

  test('is renewed by commits and by the answers a member waited for', () => {
    const h = new Harness();
    const [memberId] = h.stable(1, { sessionTimeoutMs: 10_000 });
    h.advance(9_000);
    expect(h.commit({ offset: 1, memberId: memberId!, generation: 1 })).toBe('NONE');
    h.advance(9_000);
    expect(h.heartbeat(memberId!)).toBe('NONE');
  });

  test('does not end while the coordinator owes the member an answer', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2, { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 60_000 });
    const ticket = h.join({
      memberId: follower!,
      metadata: 'changed',
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 60_000,
    });
    for (let i = 0; i < 5; i++) {
      h.advance(5_000);
      h.heartbeat(leader!);
    }
    expect(h.open).toContain(ticket);
    expect(h.group()?.members.has(follower!)).toBe(true);
  });

  test('of a new member ends if no generation comes for five minutes', () => {
    const h = new Harness();
    const [leader] = h.stable(1, { rebalanceTimeoutMs: 3_600_000 });
    const newcomer = h.memberId();
    const ticket = h.join({ memberId: newcomer });
    for (let i = 0; i < 60; i++) {
      h.heartbeat(leader!);
      h.advance(5_000);
    }
    expect(h.error(ticket)).toBe('UNKNOWN_MEMBER_ID');
  });

  test('of a member that was loaded counts from the loading', () => {
    const h = new Harness();
    const [memberId] = h.stable(1, { sessionTimeoutMs: 10_000 });
    const recovered = new Harness();
    for (const [id, group] of h.recovered().groups) recovered.shard.groups.set(id, group);
    recovered.now = h.now + 3_600_000;
    recovered.send({ type: 'loaded' });
    expect(recovered.heartbeat(memberId!, { generation: 1 })).toBe('NONE');
    recovered.advance(10_000);
    expect(recovered.group()?.state).toBe('Empty');
  });
});

describe('heartbeats', () => {
  test('name what is wrong', () => {
    const h = new Harness();
    expect(h.heartbeat('x', { groupId: '' })).toBe('INVALID_GROUP_ID');
    expect(h.heartbeat('x')).toBe('UNKNOWN_MEMBER_ID');
    const [memberId] = h.stable(1);
    expect(h.heartbeat('x')).toBe('UNKNOWN_MEMBER_ID');
    expect(h.heartbeat(memberId!, { generation: 0 })).toBe('ILLEGAL_GENERATION');
    expect(h.heartbeat(memberId!)).toBe('NONE');
  });

  test('cost no wake-ups: one group asks for about one per session timeout', () => {
    const h = new Harness();
    const ids = h.stable(50, { sessionTimeoutMs: 30_000 });
    let wakes = 0;
    const send = h.send.bind(h);
    h.send = (event) => {
      if (event.type === 'wake') wakes++;
      send(event);
    };
    for (let second = 0; second < 300; second += 3) {
      for (const id of ids) expect(h.heartbeat(id)).toBe('NONE');
      h.advance(3_000);
    }
    expect(wakes).toBeLessThan(20);
  });
});

describe('LeaveGroup', () => {
  test('frees the place at once and starts a rebalance', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2);
    expect(h.leave([{ memberId: leader! }])).toMatchObject({ errorCode: 0, members: [{ errorCode: 0 }] });
    expect(h.heartbeat(follower!)).toBe('REBALANCE_IN_PROGRESS');
    expect(h.group()?.leaderId).toBe(follower);
  });

  test('before version 3 answers for its one member', () => {
    const h = new Harness();
    const [memberId] = h.stable(1);
    expect(h.leave([{ memberId: 'x' }], 2)).toEqual({ throttleTimeMs: 0, errorCode: 25 });
    expect(h.leave([{ memberId: memberId! }], 2)).toEqual({ throttleTimeMs: 0, errorCode: 0 });
    expect(h.group()?.state).toBe('Empty');
  });

  test('gives up an id that was not used', () => {
    const h = new Harness();
    const memberId = h.memberId();
    expect(h.leave([{ memberId }]).members?.[0]?.errorCode).toBe(0);
    expect(h.group()?.pendingJoin.size).toBe(0);
  });

  test('of who waits answers what it waited for', () => {
    const h = new Harness();
    const ids = [h.memberId(), h.memberId()] as const;
    const joins = ids.map((memberId) => h.join({ memberId }));
    h.leave([{ memberId: ids[0] }]);
    expect(h.error(joins[0]!)).toBe('UNKNOWN_MEMBER_ID');
    h.advance(1_000);
    expect(h.reply('join', joins[1]!)).toMatchObject({ leader: ids[1], generationId: 1 });
  });
});

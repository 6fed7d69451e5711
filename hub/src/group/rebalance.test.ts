import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

describe('the join phase', () => {
  test('ends when all have come, and the leader keeps its place', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2);
    const newcomer = h.memberId();
    const joins = [h.join({ memberId: newcomer })];
    expect(h.heartbeat(follower!)).toBe('REBALANCE_IN_PROGRESS');
    joins.push(h.join({ memberId: follower! }), h.join({ memberId: leader! }));
    for (const ticket of joins) expect(h.reply('join', ticket)).toMatchObject({ generationId: 2, leader });
    expect(h.group()?.state).toBe('CompletingRebalance');
  });

  test('waits for those who hold an id but have not come back with it', () => {
    const h = new Harness();
    const [leader] = h.stable(1);
    h.memberId({ sessionTimeoutMs: 6_000 });
    const ticket = h.join({ memberId: leader! });
    expect(h.open).toContain(ticket);
    h.advance(6_000);
    expect(h.reply('join', ticket).generationId).toBe(2);
  });

  test('ends without those who do not come within the rebalance timeout, and another leads', () => {
    const h = new Harness();
    const [leader, follower] = h.stable(2, { rebalanceTimeoutMs: 8_000 });
    const ticket = h.join({ memberId: follower!, metadata: 'changed', rebalanceTimeoutMs: 8_000 });
    h.advance(7_999);
    expect(h.open).toContain(ticket);
    h.advance(1);
    expect(h.reply('join', ticket)).toMatchObject({ generationId: 2, leader: follower });
    expect(h.heartbeat(leader!)).toBe('UNKNOWN_MEMBER_ID');
  });

  test('keeps the place of a static member that does not come', () => {
    const h = new Harness();
    const fixed = h.join({ instance: 'a', rebalanceTimeoutMs: 5_000, sessionTimeoutMs: 60_000 });
    const other = h.join({ apiVersion: 3, rebalanceTimeoutMs: 5_000 });
    h.advance(1_000);
    const leader = h.reply('join', fixed).memberId;
    const follower = h.reply('join', other).memberId;
    h.sync(follower);
    h.sync(leader, { instance: 'a', assign: { [leader]: 'A', [follower]: 'B' } });
    const ticket = h.join({ memberId: follower, metadata: 'changed', rebalanceTimeoutMs: 5_000 });
    h.advance(5_000);
    expect(h.reply('join', ticket)).toMatchObject({ generationId: 2, leader: follower });
    expect(h.group()?.members.has(leader)).toBe(true);
  });

  test('of a group whose members all went is the end of the generation: the group is empty', () => {
    const h = new Harness();
    const [memberId] = h.stable(1);
    h.leave([{ memberId: memberId! }]);
    expect(h.group()).toMatchObject({ state: 'Empty', generationId: 2, protocolName: null, leaderId: null });
    expect(h.recovered().groups.get('readers')).toMatchObject({ state: 'Empty', generationId: 2 });
  });
});

describe('SyncGroup', () => {
  test('of followers waits for the leader, and everybody gets its own assignment', () => {
    const h = new Harness();
    const ids = [h.memberId(), h.memberId(), h.memberId()] as const;
    for (const memberId of ids) h.join({ memberId });
    h.advance(1_000);
    const early = h.sync(ids[1]);
    expect(h.open).toContain(early);
    const leading = h.sync(ids[0], { assign: { [ids[0]]: 'A', [ids[1]]: 'B', stranger: 'C' } });
    const late = h.sync(ids[2]);
    expect(h.group()?.state).toBe('Stable');
    expect([leading, early, late].map((t) => h.reply('sync', t).assignment.toString())).toEqual([
      'A',
      'B',
      '',
    ]);
    expect(h.reply('sync', early)).toMatchObject({ protocolType: 'consumer', protocolName: 'range' });
  });

  test('is refused for another generation, another protocol, during the join phase, and for strangers', () => {
    const h = new Harness();
    const [leader] = h.stable(2);
    expect(h.error(h.sync(leader!, { generation: 7 }))).toBe('ILLEGAL_GENERATION');
    expect(h.error(h.sync('stranger'))).toBe('UNKNOWN_MEMBER_ID');
    h.join({ memberId: leader! });
    expect(h.error(h.sync(leader!))).toBe('REBALANCE_IN_PROGRESS');
    const workers = new Harness();
    const [worker] = workers.stable(1, { protocolType: 'connect' });
    expect(workers.error(workers.sync(worker!, { protocolType: 'consumer' }))).toBe(
      'INCONSISTENT_GROUP_PROTOCOL',
    );
    const empty = new Harness();
    expect(empty.error(empty.sync('nobody'))).toBe('UNKNOWN_MEMBER_ID');
  });

  test('that waits is told when a rebalance overtakes it', () => {
    const h = new Harness();
    const ids = [h.memberId(), h.memberId()] as const;
    for (const memberId of ids) h.join({ memberId });
    h.advance(1_000);
    const waiting = h.sync(ids[1]);
    h.join({ memberId: ids[0], metadata: 'changed' });
    expect(h.error(waiting)).toBe('REBALANCE_IN_PROGRESS');
  });

  test('that never comes costs the member its place after the rebalance timeout', () => {
    const h = new Harness();
    const ids = [h.memberId(), h.memberId()] as const;
    for (const memberId of ids) h.join({ memberId, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 9_000 });
    h.advance(1_000);
    const waiting = h.sync(ids[1]);
    h.advance(9_000);
    expect(h.error(waiting)).toBe('REBALANCE_IN_PROGRESS');
    expect([...h.group()!.members.keys()]).toEqual([ids[1]]);
    expect(h.group()?.state).toBe('PreparingRebalance');
  });

  test('of a leader whose assignments are too large for a record starts over', () => {
    const h = new Harness({ groupMetadataBytesMax: 1_000 });
    const memberId = h.memberId();
    h.join({ memberId });
    h.advance(1_000);
    const ticket = h.sync(memberId, { assign: { [memberId]: 'x'.repeat(2_000) } });
    expect(h.error(ticket)).toBe('UNKNOWN_SERVER_ERROR');
    expect(h.group()?.state).toBe('PreparingRebalance');
  });
});

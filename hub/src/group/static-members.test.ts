import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

/** Stable with static members `a` (leads) and `b`. */
function stablePair(apiVersion = 9) {
  const h = new Harness();
  const tickets = [h.join({ instance: 'a', apiVersion }), h.join({ instance: 'b', apiVersion })];
  h.advance(1_000);
  const [a, b] = tickets.map((ticket) => h.reply('join', ticket).memberId) as [string, string];
  h.sync(b, { instance: 'b' });
  h.sync(a, { instance: 'a', assign: { [a]: 'A', [b]: 'B' } });
  expect(h.group()?.state).toBe('Stable');
  return { h, a, b };
}

describe('a static member that restarts in a stable group', () => {
  test('takes its place and assignment over without a rebalance', () => {
    const { h, a, b } = stablePair();
    const { errorCode, memberId, generationId, leader } = h.reply('join', h.join({ instance: 'b' }));
    expect({ errorCode, generationId, leader }).toEqual({ errorCode: 0, generationId: 1, leader: a });
    expect(memberId).not.toBe(b);
    expect(h.group()?.state).toBe('Stable');
    expect(h.reply('sync', h.sync(memberId, { instance: 'b' })).assignment.toString()).toBe('B');
  });

  test('is on record with its new id', () => {
    const { h } = stablePair();
    const { memberId } = h.reply('join', h.join({ instance: 'b' }));
    expect(h.recovered().groups.get('readers')?.staticMembers.get('b')).toBe(memberId);
  });

  test('as leader is told to skip the assignment, from version 9 on', () => {
    const { h } = stablePair();
    const { memberId, leader, skipAssignment, members } = h.reply('join', h.join({ instance: 'a' }));
    expect({ leader, skipAssignment }).toEqual({ leader: memberId, skipAssignment: true });
    expect(members).toHaveLength(2);
  });

  test('as leader of an older version is told that its former self leads', () => {
    const { h, a } = stablePair(8);
    const { leader, skipAssignment, members } = h.reply('join', h.join({ instance: 'a', apiVersion: 8 }));
    expect({ leader, skipAssignment, members }).toEqual({ leader: a, skipAssignment: false, members: [] });
    expect(h.group()?.leaderId).not.toBe(a);
  });

  test('fences its former self in every request', () => {
    const { h, b } = stablePair();
    h.join({ instance: 'b' });
    expect(h.heartbeat(b, { instance: 'b' })).toBe('FENCED_INSTANCE_ID');
    expect(h.error(h.sync(b, { instance: 'b' }))).toBe('FENCED_INSTANCE_ID');
    expect(h.error(h.join({ instance: 'b', memberId: b }))).toBe('FENCED_INSTANCE_ID');
    expect(h.commit({ offset: 1, memberId: b, generation: 1, instance: 'b' })).toBe('FENCED_INSTANCE_ID');
    expect(h.leave([{ memberId: b, instance: 'b' }]).members?.[0]?.errorCode).toBe(82);
    expect(h.heartbeat(b)).toBe('UNKNOWN_MEMBER_ID');
  });

  test('with other protocols starts a rebalance when the choice would change', () => {
    const h = new Harness();
    const both = ['range', 'sticky'];
    const first = h.join({ instance: 'a', protocols: both });
    h.advance(1_000);
    h.sync(h.reply('join', first).memberId, { instance: 'a' });
    const ticket = h.join({ instance: 'a', protocols: ['sticky'] });
    expect(h.reply('join', ticket)).toMatchObject({ generationId: 2, protocolName: 'sticky' });
  });
});

test('a former self that waits is fenced at once', () => {
  const h = new Harness();
  const former = h.join({ instance: 'a' });
  const again = h.join({ instance: 'a' });
  expect(h.error(former)).toBe('FENCED_INSTANCE_ID');
  h.advance(1_000);
  expect(h.error(again)).toBe('NONE');
});

test('a restart between join and sync starts over, since the assignment names the former self', () => {
  const h = new Harness();
  const tickets = [h.join({ instance: 'a' }), h.join({ instance: 'b' })];
  h.advance(1_000);
  const [a] = tickets.map((ticket) => h.reply('join', ticket).memberId) as [string];
  h.join({ instance: 'b' });
  expect(h.error(h.sync(a, { instance: 'a' }))).toBe('REBALANCE_IN_PROGRESS');
});

test('an operator takes a static member out by its instance id alone', () => {
  const { h, a } = stablePair();
  expect(h.leave([{ instance: 'b' }, { instance: 'c' }]).members).toMatchObject([
    { groupInstanceId: 'b', errorCode: 0 },
    { groupInstanceId: 'c', errorCode: 25 },
  ]);
  expect(h.heartbeat(a, { instance: 'a' })).toBe('REBALANCE_IN_PROGRESS');
});

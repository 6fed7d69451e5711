import { describe, expect, test } from 'vitest';
import { Harness } from './harness.ts';

const DAY = 24 * 3_600_000;
const expire = (h: Harness) => h.send({ type: 'expire' });

describe('offsets retention', () => {
  test('counts from when the group became empty', () => {
    const h = new Harness();
    const [memberId] = h.stable(1);
    h.commit({ offset: 1, memberId: memberId!, generation: 1 });
    for (let i = 0; i < 20; i++) {
      h.now += DAY;
      expire(h);
    }
    expect(h.committed()).toBe(1);
    h.leave([{ memberId: memberId! }]);
    h.now += 7 * DAY - 1;
    expire(h);
    expect(h.committed()).toBe(1);
    h.now += 1;
    expire(h);
    expect(h.group()).toBeUndefined();
  });

  test('of a client that manages its partitions by itself counts from the commit', () => {
    const h = new Harness();
    h.commit({ offset: 1, partition: 0 });
    h.now += 4 * DAY;
    h.commit({ offset: 1, partition: 1 });
    h.now += 3 * DAY;
    expire(h);
    expect([h.committed('telemetry', 0), h.committed('telemetry', 1)]).toEqual([undefined, 1]);
    h.now += 4 * DAY;
    expire(h);
    expect(h.group()).toBeUndefined();
  });

  test('is the one that an old client named, where it did', () => {
    const h = new Harness();
    h.commit({ offset: 1, retentionTimeMs: 1_000, apiVersion: 2 });
    h.now += 999;
    expire(h);
    expect(h.committed()).toBe(1);
    h.now += 1;
    expire(h);
    expect(h.group()).toBeUndefined();
  });

  test('of an operator who commits to an empty group counts from that commit', () => {
    const h = new Harness();
    const [memberId] = h.stable(1);
    h.leave([{ memberId: memberId! }]);
    h.now += 6 * DAY;
    h.commit({ offset: 3 });
    h.now += 6 * DAY;
    expire(h);
    expect(h.committed()).toBe(3);
  });
});

test('a dead group leaves tombstones for all it recorded, so that a replay knows nothing of it', () => {
  const h = new Harness();
  const [memberId] = h.stable(1);
  h.commit({ offset: 1, memberId: memberId!, generation: 1 });
  h.leave([{ memberId: memberId! }]);
  h.now += 7 * DAY;
  expire(h);
  expect(h.log.slice(-2)).toEqual([
    { type: 'offset', groupId: 'readers', topic: 'telemetry', partition: 0, value: null },
    { type: 'group', groupId: 'readers', value: null },
  ]);
  expect(h.recovered().groups.size).toBe(0);
});

test('an empty group that has given out an id lives on', () => {
  const h = new Harness();
  h.memberId();
  expire(h);
  expect(h.group()).toBeDefined();
  h.advance(10_000);
  expire(h);
  expect(h.group()).toBeUndefined();
});

test('offsets of a deleted topic go, whatever the state of the group', () => {
  const h = new Harness();
  const [memberId] = h.stable(1);
  for (const topic of ['old', 'kept']) h.commit({ offset: 1, topic, memberId: memberId!, generation: 1 });
  h.send({ type: 'topicDeleted', topic: 'old' });
  expect([h.committed('old'), h.committed('kept')]).toEqual([undefined, 1]);
  expect(h.recovered().groups.get('readers')?.offsets.has('old')).toBe(false);
});

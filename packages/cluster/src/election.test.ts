import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BrokerState,
  type BrokerStates,
  electUnclean,
  preferFirst,
  reassign,
  resign,
  settle,
  withIsr,
  withMinInsync,
} from './election.ts';
import type { PartitionRecord } from './records.ts';

const UP: BrokerState = { epoch: 10, draining: false, lostData: false };
const DOWN: BrokerState = { epoch: undefined, draining: false, lostData: false };
const brokers =
  (states: Record<number, Partial<BrokerState>>): BrokerStates =>
  (id) => ({ ...UP, ...states[id] });

const led = (over: Partial<PartitionRecord> = {}): PartitionRecord => ({
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  elr: [],
  leader: 1,
  leaderEpoch: 5,
  leaderBrokerEpoch: 10,
  minInsync: 2,
  adding: [],
  removing: [],
  ...over,
});

test('nothing changes where nothing has to', () => {
  const record = led();
  expect(settle(record, brokers({}))).toBe(record);
});

test('a new partition gets its first replica as leader', () => {
  const record = led({ leader: -1, leaderBrokerEpoch: -1, leaderEpoch: 0 });
  expect(settle(record, brokers({}))).toMatchObject({ leader: 1, leaderEpoch: 1, leaderBrokerEpoch: 10 });
});

test('when the leader is gone the next one in the ISR leads', () => {
  expect(settle(led({ isr: [1, 3] }), brokers({ 1: DOWN }))).toMatchObject({
    isr: [3],
    elr: [1],
    leader: 3,
    leaderEpoch: 6,
  });
});

test('a leader that has begun anew gets a new epoch, or another one leads', () => {
  expect(settle(led(), brokers({ 1: { epoch: 11 } }))).toMatchObject({
    leader: 1,
    leaderEpoch: 6,
    leaderBrokerEpoch: 11,
    isr: [1, 2, 3],
  });
});

test('when all are gone one after the other, the last two are remembered, and either may lead again', () => {
  const one = settle(led(), brokers({ 3: DOWN }));
  expect(one).toMatchObject({ isr: [1, 2], elr: [], leader: 1, leaderEpoch: 5 });
  const two = settle(one, brokers({ 3: DOWN, 2: DOWN }));
  expect(two).toMatchObject({ isr: [1], elr: [2], leader: 1 });
  const none = settle(two, brokers({ 1: DOWN, 2: DOWN, 3: DOWN }));
  expect(none).toMatchObject({ isr: [], elr: [2, 1], leader: -1, leaderBrokerEpoch: -1 });
  expect(settle(none, brokers({ 1: DOWN, 2: DOWN }))).toBe(none);
  expect(settle(none, brokers({ 1: DOWN, 3: DOWN }))).toMatchObject({ isr: [2], elr: [1], leader: 2 });
});

test('a replica whose disk was lost is neither in sync nor eligible', () => {
  const lost = brokers({ 1: { lostData: true }, 3: DOWN });
  expect(settle(led({ isr: [1, 2], elr: [] }), lost)).toMatchObject({ isr: [2], elr: [], leader: 2 });
  const alone = led({ isr: [], elr: [1], leader: -1, leaderBrokerEpoch: -1 });
  expect(settle(alone, lost)).toMatchObject({ isr: [], elr: [], leader: -1 });
});

test('a broker that drains hands over and leaves the ISR, but does not leave a partition without a leader', () => {
  const draining = brokers({ 1: { draining: true } });
  expect(settle(led(), draining)).toMatchObject({ isr: [2, 3], leader: 2, leaderEpoch: 6 });
  const alone = led({ isr: [1], elr: [2] });
  expect(settle(alone, draining)).toBe(alone);
});

test('a reassignment is complete when all new replicas are in sync', () => {
  const begun = reassign(led(), [4, 3]);
  expect(begun).toMatchObject({ replicas: [4, 3, 1, 2], adding: [4], removing: [1, 2], leader: 1 });
  expect(settle(begun, brokers({}))).toEqual(begun);
  const done = settle(withIsr(begun, [1, 2, 3, 4]), brokers({}));
  expect(done).toMatchObject({ replicas: [4, 3], isr: [4, 3], adding: [], removing: [], leader: 4 });
});

test('a reassignment can be turned back', () => {
  const back = reassign(reassign(led(), [4, 3]), [1, 2, 3]);
  expect(settle(back, brokers({}))).toEqual(led());
});

test('the first replica gets the lead only where it may lead', () => {
  const second = led({ leader: 2 });
  expect(preferFirst(second, brokers({}))).toMatchObject({ leader: 1, leaderEpoch: 6 });
  expect(preferFirst(led({ leader: 2, isr: [2, 3] }), brokers({}))).toMatchObject({ leader: 2 });
  expect(preferFirst(second, brokers({ 1: { draining: true } }))).toBe(second);
});

test('an unclean election takes place only where nobody leads', () => {
  const record = led();
  expect(electUnclean(record, brokers({}))).toBe(record);
  const dead = led({ isr: [], elr: [1, 2], leader: -1, leaderBrokerEpoch: -1 });
  expect(electUnclean(dead, brokers({ 1: DOWN, 2: DOWN }))).toMatchObject({ isr: [3], elr: [], leader: 3 });
});

test('a leader that cannot be read gives the lead to the next in sync, and counts for nothing', () => {
  expect(resign(led(), 1, brokers({ 2: DOWN }))).toMatchObject({
    isr: [2, 3],
    elr: [],
    leader: 3,
    leaderEpoch: 6,
    leaderBrokerEpoch: 10,
  });
  expect(resign(led({ isr: [1, 2], minInsync: 2 }), 1, brokers({}))).toMatchObject({
    isr: [2],
    elr: [],
    leader: 2,
  });
});

test('a follower that cannot be read leaves under a new epoch, so that what it told before does not count', () => {
  expect(resign(led(), 3, brokers({}))).toMatchObject({ isr: [1, 2], leader: 1, leaderEpoch: 6 });
  expect(resign(led({ isr: [1, 2] }), 3, brokers({}))).toMatchObject({ isr: [1, 2], leaderEpoch: 6 });
  expect(resign(led({ isr: [1], elr: [3] }), 3, brokers({}))).toMatchObject({ isr: [1], elr: [] });
});

test('the last one in sync stays, damaged as it is', () => {
  const alone = led({ isr: [1], elr: [2] });
  expect(resign(alone, 1, brokers({}))).toBe(alone);
  const others = led({ isr: [1, 2] });
  expect(resign(others, 1, brokers({ 2: DOWN }))).toBe(others);
});

test('a lower min.insync.replicas makes nobody eligible who may lack what it lets through', () => {
  expect(withMinInsync(led({ isr: [1], elr: [2] }), 1)).toMatchObject({ minInsync: 1, elr: [] });
  expect(withMinInsync(led({ isr: [1], elr: [2] }), 3)).toMatchObject({ minInsync: 3, elr: [2] });
});

const state: fc.Arbitrary<BrokerState> = fc.record({
  epoch: fc.constantFrom(undefined, 10, 10, 11),
  draining: fc.boolean(),
  lostData: fc.boolean(),
});
const step = fc.oneof(
  fc.record({
    kind: fc.constant('brokers' as const),
    states: fc.array(state, { minLength: 5, maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('isr' as const), members: fc.subarray([0, 1, 2, 3, 4]) }),
  fc.record({
    kind: fc.constant('reassign' as const),
    target: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant('resign' as const), id: fc.nat(4) }),
  fc.record({ kind: fc.constant('minInsync' as const), value: fc.integer({ min: 1, max: 3 }) }),
);

test('whatever happens: leader in ISR, ISR and ELR apart and within the replicas, epochs grow, rest is reached at once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let record = led({ replicas: [0, 1, 2], isr: [0, 1, 2], leader: 0 });
      let states: BrokerStates = () => UP;
      for (const one of steps) {
        const before = record;
        if (one.kind === 'brokers') states = (id) => one.states[id]!;
        else if (one.kind === 'reassign') record = reassign(record, one.target);
        else if (one.kind === 'resign') record = resign(record, one.id, states);
        else if (one.kind === 'minInsync') record = withMinInsync(record, one.value);
        else if (record.leader !== -1) {
          const wanted = record.replicas.filter((id) => id === record.leader || one.members.includes(id));
          record = withIsr(record, wanted);
        }
        record = settle(record, states);
        const { replicas, isr, elr, leader } = record;
        expect(settle(record, states)).toBe(record);
        if (leader !== -1) expect(isr).toContain(leader);
        expect(new Set(replicas).size).toBe(replicas.length);
        expect(new Set([...isr, ...elr]).size).toBe(isr.length + elr.length);
        for (const id of [...isr, ...elr]) expect(replicas).toContain(id);
        if (isr.length >= record.minInsync) expect(elr).toEqual([]);
        expect(record.leaderEpoch).toBeGreaterThanOrEqual(before.leaderEpoch);
        if (leader !== before.leader) expect(record.leaderEpoch).toBeGreaterThan(before.leaderEpoch);
        // Who leads was in the ISR or the ELR before.
        if (leader !== -1)
          expect(
            [...before.isr, ...before.elr, leader === before.leader ? leader : -1].concat(
              one.kind === 'isr' ? isr : [],
            ),
          ).toContain(leader);
      }
    }),
    { numRuns: 500 },
  );
});

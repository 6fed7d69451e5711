import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AssignableBroker, assignReplicas } from './assignment.ts';

const cluster = fc
  .uniqueArray(fc.record({ id: fc.nat(40), rack: fc.constantFrom(null, 'a', 'b', 'c', 'd') }), {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 12,
  })
  .chain((brokers) =>
    fc.record({
      brokers: fc.constant(brokers),
      replicas: fc.integer({ min: 1, max: brokers.length }),
      partitions: fc.integer({ min: 1, max: 60 }),
      firstPartition: fc.nat(30),
      draws: fc.tuple(
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
      ),
    }),
  );

type Given = typeof cluster extends fc.Arbitrary<infer T> ? T : never;

function assigned({ brokers, replicas, partitions, firstPartition, draws }: Given) {
  const left = [...draws];
  return assignReplicas(brokers, { partitions, replicas, firstPartition, random: () => left.shift() ?? 0 });
}

function counts(ids: readonly number[], brokers: readonly AssignableBroker[]): number[] {
  return brokers.map(({ id }) => ids.filter((one) => one === id).length);
}

const spreadOf = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);

test('every partition has as many replicas as asked for, each on another broker', () => {
  fc.assert(
    fc.property(cluster, (given) => {
      const lists = assigned(given);
      expect(lists).toHaveLength(given.partitions);
      for (const list of lists) {
        expect(new Set(list).size).toBe(given.replicas);
        expect(list.every((id) => given.brokers.some((broker) => broker.id === id))).toBe(true);
      }
    }),
  );
});

test('brokers that are away stand last, in turn, and only where too few are alive', () => {
  const brokers = [1, 2].map((id) => ({ id, rack: null }));
  const lists = (replicas: number): number[][] =>
    assignReplicas(brokers, { partitions: 4, replicas, away: [3, 4], random: () => 0 });
  expect(lists(2).flat()).not.toContain(3);
  const three = lists(3);
  expect(three.map((list) => list.slice(0, 2).sort())).toEqual(Array(4).fill([1, 2]));
  expect(three.map(([, , last]) => last)).toEqual([3, 4, 3, 4]);
  for (const list of lists(4)) expect([...list].sort()).toEqual([1, 2, 3, 4]);
  expect(() => lists(5)).toThrow('5 replicas on 2 brokers');
});

test('no broker leads more than one partition more than another', () => {
  fc.assert(
    fc.property(cluster, (given) => {
      const leaders = assigned(given).map(([first]) => first!);
      expect(spreadOf(counts(leaders, given.brokers))).toBeLessThanOrEqual(1);
    }),
  );
});

test('replicas lie in as many racks as there are, or as there are replicas', () => {
  fc.assert(
    fc.property(cluster, (given) => {
      const rackOf = new Map(given.brokers.map(({ id, rack }) => [id, rack ?? `none ${id}`]));
      const racks = new Set(rackOf.values()).size;
      for (const list of assigned(given))
        expect(new Set(list.map((id) => rackOf.get(id))).size).toBe(Math.min(racks, given.replicas));
    }),
  );
});

test('replicas are spread as evenly as leaders where the racks are alike', () => {
  const brokers = [1, 2, 3, 4, 5, 6].map((id) => ({ id, rack: `rack ${id % 3}` }));
  const lists = assignReplicas(brokers, { partitions: 600, replicas: 3, random: () => 0.4 });
  const held = counts(lists.flat(), brokers);
  expect(spreadOf(held)).toBeLessThanOrEqual(60);
  expect(held.reduce((sum, one) => sum + one, 0)).toBe(1_800);
});

test('who leads with whom changes from round to round, so that a dead broker burdens all the others', () => {
  const brokers = [1, 2, 3, 4, 5].map((id) => ({ id, rack: null }));
  const lists = assignReplicas(brokers, { partitions: 20, replicas: 2, random: () => 0 });
  const followersOfOne = new Set(lists.filter(([first]) => first === 1).map(([, second]) => second));
  expect(followersOfOne).toEqual(new Set([2, 3, 4, 5]));
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AssignableBroker } from './assignment.ts';
import { type Move, type Placed, planAdd, planDrain, planSpread } from './plan.ts';

const BROKERS_MAX = 8;

interface Given {
  readonly brokers: readonly AssignableBroker[];
  readonly partitions: readonly Placed[];
  /** Enough brokers for every partition, of those that there are. */
  readonly chosen: readonly number[];
}

/** Partitions anywhere; `racks`: that many, equally large, 0 for none, or any. */
const given = (racks: fc.Arbitrary<'any' | number>): fc.Arbitrary<Given> =>
  fc
    .record({
      racks,
      replicas: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 3, max: BROKERS_MAX }),
    })
    .chain(({ racks, replicas, count }) => {
      const total = typeof racks === 'number' && racks > 0 ? Math.ceil(count / racks) * racks : count;
      const ids = Array.from({ length: total }, (_, i) => i + 1);
      const rack = (i: number): fc.Arbitrary<string | null> =>
        racks === 'any'
          ? fc.constantFrom(null, 'a', 'b', 'c')
          : fc.constant(racks === 0 ? null : `rack ${i % racks}`);
      const lists = fc.shuffledSubarray(ids, { minLength: replicas, maxLength: replicas });
      return fc.record({
        brokers: fc.tuple(...ids.map(rack)).map((all) => all.map((one, i) => ({ id: i + 1, rack: one }))),
        partitions: fc
          .array(fc.record({ topic: fc.constantFrom('a', 'b'), replicas: lists }), {
            minLength: 1,
            maxLength: 40,
          })
          .map((all) => all.map((one, partition) => ({ ...one, partition }))),
        chosen: fc.shuffledSubarray(ids, { minLength: replicas }),
      });
    });
const anyRacks = given(fc.oneof(fc.constant('any' as const), fc.integer({ min: 0, max: 4 })));

function after(partitions: readonly Placed[], moves: readonly Move[]): Placed[] {
  const moved = new Map(moves.map((move) => [`${move.topic} ${move.partition}`, move]));
  expect(moved.size).toBe(moves.length);
  return partitions.map((one) => {
    const move = moved.get(`${one.topic} ${one.partition}`);
    if (move === undefined) return one;
    expect(move.from).toEqual(one.replicas);
    return { ...one, replicas: move.to };
  });
}

const loadsOf = (partitions: readonly Placed[], ids: readonly number[]): number[] =>
  ids.map((id) => partitions.filter(({ replicas }) => replicas.includes(id)).length);

const leadsOf = (partitions: readonly Placed[], ids: readonly number[]): number[] =>
  ids.map((id) => partitions.filter(({ replicas }) => replicas[0] === id).length);

const difference = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);

const copied = (moves: readonly Move[]): number =>
  moves.reduce((sum, { from, to }) => sum + to.filter((id) => !from.includes(id)).length, 0);

/** Whether a replica could go to a rack that would still have fewer than the one it is in. */
function isCrowded({ replicas }: Placed, brokers: readonly AssignableBroker[]): boolean {
  const rackOf = new Map(brokers.map(({ id, rack }) => [id, rack ?? `broker ${id}`]));
  const countAt = (id: number) => replicas.filter((one) => rackOf.get(one) === rackOf.get(id)).length;
  const most = Math.max(...replicas.map(countAt));
  return brokers.some(({ id }) => !replicas.includes(id) && countAt(id) <= most - 2);
}

function demandSound(before: readonly Placed[], now: readonly Placed[], ids: readonly number[]): void {
  for (const [i, { replicas }] of now.entries()) {
    expect(replicas).toHaveLength(before[i]!.replicas.length);
    expect(new Set(replicas).size).toBe(replicas.length);
    for (const id of replicas) expect(ids).toContain(id);
  }
}

test('spread: each partition keeps its number of replicas, on the brokers chosen, in as many racks as can be', () => {
  fc.assert(
    fc.property(anyRacks, ({ brokers, partitions, chosen }) => {
      const on = brokers.filter(({ id }) => chosen.includes(id));
      const now = after(partitions, planSpread(partitions, on));
      demandSound(partitions, now, chosen);
      for (const one of now) expect(isCrowded(one, on)).toBe(false);
      expect(planSpread(now, on)).toEqual([]);
    }),
  );
});

test('spread: no broker has more than one more than another, where racks are equally large', () => {
  fc.assert(
    fc.property(given(fc.integer({ min: 0, max: 4 })), ({ brokers, partitions }) => {
      const ids = brokers.map(({ id }) => id);
      const now = after(partitions, planSpread(partitions, brokers));
      expect(difference(loadsOf(now, ids))).toBeLessThanOrEqual(1);
    }),
  );
});

test('spread: nobody leads more by two than one who could take a lead from it', () => {
  fc.assert(
    fc.property(given(fc.constant(0)), ({ brokers, partitions }) => {
      const ids = brokers.map(({ id }) => id);
      const now = after(partitions, planSpread(partitions, brokers));
      const leads = new Map(ids.map((id, i) => [id, leadsOf(now, ids)[i]!]));
      for (const { replicas } of now)
        for (const id of replicas) expect(leads.get(replicas[0]!)! - leads.get(id)!).toBeLessThanOrEqual(1);
    }),
  );
});

test('spread: no other way to even loads out copies less, but for one replica now and then', () => {
  fc.assert(
    fc.property(given(fc.constant(0)), (any) => {
      const { partitions, chosen } = {
        partitions: any.partitions.slice(0, 4),
        chosen: any.chosen.slice(0, 5),
      };
      fc.pre(partitions.every(({ replicas }) => replicas.length <= chosen.length));
      const moves = planSpread(
        partitions,
        chosen.map((id) => ({ id, rack: null })),
      );
      expect(copied(moves) - leastCopied(partitions, chosen)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});

/** Of all ways to place these partitions with loads that differ by one at most. */
function leastCopied(partitions: readonly Placed[], ids: readonly number[]): number {
  const loads = new Map(ids.map((id) => [id, 0]));
  const place = (at: number): number => {
    const one = partitions[at];
    if (one === undefined) return difference([...loads.values()]) <= 1 ? 0 : Number.POSITIVE_INFINITY;
    const costs = subsets(ids, one.replicas.length).map((list) => {
      for (const id of list) loads.set(id, loads.get(id)! + 1);
      const cost = list.filter((id) => !one.replicas.includes(id)).length + place(at + 1);
      for (const id of list) loads.set(id, loads.get(id)! - 1);
      return cost;
    });
    return Math.min(...costs);
  };
  return place(0);
}

function subsets(ids: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return ids.flatMap((id, i) => subsets(ids.slice(i + 1), size - 1).map((rest) => [id, ...rest]));
}

test('drain: nothing is left on the broker, nothing else is copied, racks are not crowded', () => {
  fc.assert(
    fc.property(anyRacks, fc.integer({ min: 1, max: BROKERS_MAX }), ({ brokers, partitions }, wanted) => {
      const leaving = 1 + (wanted % brokers.length);
      const staying = brokers.filter(({ id }) => id !== leaving);
      fc.pre(partitions.every(({ replicas }) => replicas.length <= staying.length));
      const moves = planDrain(partitions, staying, new Set([leaving]));
      const now = after(partitions, moves);
      demandSound(
        partitions,
        now,
        staying.map(({ id }) => id),
      );
      expect(copied(moves)).toBe(loadsOf(partitions, [leaving])[0]);
      for (const [i, one] of partitions.entries())
        if (!isCrowded(one, brokers)) expect(isCrowded(now[i]!, staying)).toBe(false);
    }),
  );
});

test('drain: what lies on a broker that is away stays there', () => {
  const partitions = [{ topic: 't', partition: 0, replicas: [1, 2, 9] }];
  const staying = [2, 3].map((id) => ({ id, rack: null }));
  expect(planDrain(partitions, staying, new Set([1]))).toEqual([
    { topic: 't', partition: 0, from: [1, 2, 9], to: expect.arrayContaining([2, 3, 9]) },
  ]);
});

test('add: only the new broker is given anything, and as much as others have, or more by one', () => {
  fc.assert(
    fc.property(given(fc.constant(0)), ({ brokers, partitions }) => {
      const added = { id: 99, rack: null };
      const all = [...brokers, added];
      const moves = planAdd(partitions, all, new Set([99]));
      const now = after(partitions, moves);
      demandSound(
        partitions,
        now,
        all.map(({ id }) => id),
      );
      const [gained] = loadsOf(now, [99]);
      expect(copied(moves)).toBe(gained);
      expect(
        Math.max(
          ...loadsOf(
            now,
            brokers.map(({ id }) => id),
          ),
        ),
      ).toBeLessThanOrEqual(gained! + 1);
      const before = loadsOf(
        partitions,
        brokers.map(({ id }) => id),
      );
      expect(gained!).toBeLessThanOrEqual(Math.max(...before));
    }),
  );
});

test('add: of each topic the new broker gets about as much', () => {
  const partitions = ['a', 'b'].flatMap((topic) =>
    Array.from({ length: 30 }, (_, partition) => ({ topic, partition, replicas: [1 + (partition % 2)] })),
  );
  const brokers = [1, 2, 3].map((id) => ({ id, rack: null }));
  const moves = planAdd(partitions, brokers, new Set([3]));
  expect(moves.filter(({ topic }) => topic === 'a')).toHaveLength(10);
  expect(moves.filter(({ topic }) => topic === 'b')).toHaveLength(10);
});

test('too few brokers for a partition are refused, and named', () => {
  const partitions = [{ topic: 't', partition: 3, replicas: [1, 2, 3] }];
  const two = [1, 2].map((id) => ({ id, rack: null }));
  expect(() => planSpread(partitions, two)).toThrow(
    't-3 has 3 replicas to place, and the brokers for them are too few (2: 1, 2)',
  );
  expect(() => planDrain(partitions, two, new Set([3]))).toThrow('too few (2: 1, 2)');
});

test('ten thousand partitions are planned for within seconds', () => {
  const partitions = Array.from({ length: 10_000 }, (_, i) => ({
    topic: `t${i % 50}`,
    partition: i,
    replicas: [1 + (i % 10), 1 + ((i + 1) % 10), 1 + ((i + 3) % 10)],
  }));
  const brokers = Array.from({ length: 12 }, (_, i) => ({ id: i + 1, rack: `r${i % 3}` }));
  const now = after(partitions, planSpread(partitions, brokers));
  expect(
    difference(
      loadsOf(
        now,
        brokers.map(({ id }) => id),
      ),
    ),
  ).toBeLessThanOrEqual(1);
});

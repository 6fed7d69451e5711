import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Assignment, countOf, NOTHING, partitionsOf } from '../assignment.ts';
import type { Assignor, Subscriber } from './assignor.ts';
import { assignors } from './index.ts';
import { range } from './range.ts';
import { uniform } from './uniform.ts';

const TOPICS = ['t1', 't2', 't3'];

function subscriber(memberId: string, topicIds: readonly string[]): Subscriber {
  return { memberId, instanceId: null, topicIds: new Set(topicIds), previous: NOTHING };
}

const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
const subscription = fc.uniqueArray(fc.constantFrom(...TOPICS), { minLength: 1 });
const sizes = fc.record({ t1: fc.nat(9), t2: fc.nat(9), t3: fc.nat(3) });
const groups = fc.oneof(
  fc.tuple(members, subscription).map(([ids, topics]) => ids.map((id) => subscriber(id, topics))),
  members.chain((ids) =>
    fc
      .array(subscription, { minLength: ids.length, maxLength: ids.length })
      .map((all) => ids.map((id, i) => subscriber(id, all[i]!))),
  ),
);

function check(subscribers: readonly Subscriber[], partitions: Map<string, number>, assign: Assignor) {
  const assigned = assign(subscribers, partitions);
  const owners = new Map<string, string>();
  for (const { memberId, topicIds } of subscribers) {
    for (const [topicId, partition] of partitionsOf(assigned.get(memberId)!)) {
      expect(topicIds.has(topicId), 'only what it subscribed to').toBe(true);
      expect(owners.has(`${topicId}-${partition}`), 'one owner for each').toBe(false);
      owners.set(`${topicId}-${partition}`, memberId);
    }
  }
  const read = new Set(subscribers.flatMap(({ topicIds }) => [...topicIds]));
  const total = [...read].reduce((sum, topicId) => sum + partitions.get(topicId)!, 0);
  expect(owners.size, 'none is left out').toBe(total);
  return { assigned, owners };
}

const withPrevious = (subscribers: readonly Subscriber[], assigned: ReadonlyMap<string, Assignment>) =>
  subscribers.map((one) => ({ ...one, previous: assigned.get(one.memberId) ?? NOTHING }));

describe.each([...assignors])('%s', (_, assign) => {
  test('every partition that somebody reads has one owner, who subscribed to it', () => {
    fc.assert(
      fc.property(groups, sizes, sizes, groups, (before, first, second, after) => {
        const { assigned } = check(before, new Map(Object.entries(first)), assign);
        check(withPrevious(after, assigned), new Map(Object.entries(second)), assign);
      }),
    );
  });
});

describe('uniform', () => {
  test('members with the same topics differ by one partition at most, and nothing moves without need', () => {
    fc.assert(
      fc.property(members, members, sizes, (before, after, counts) => {
        const partitions = new Map(Object.entries(counts));
        const first = check(
          before.map((id) => subscriber(id, TOPICS)),
          partitions,
          uniform,
        );
        const next = withPrevious(
          after.map((id) => subscriber(id, TOPICS)),
          first.assigned,
        );
        const { assigned, owners } = check(next, partitions, uniform);
        const loads = [...assigned.values()].map(countOf);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        for (const [partition, owner] of first.owners) {
          if (!assigned.has(owner) || owners.get(partition) === owner) continue;
          expect(countOf(assigned.get(owner)!)).toBeLessThan(countOf(first.assigned.get(owner)!));
        }
      }),
    );
  });

  test('when a member leaves, the others keep what they have', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), sizes, (count, counts) => {
        const partitions = new Map(Object.entries(counts));
        const all = Array.from({ length: count }, (_, i) => subscriber(`m${i}`, TOPICS));
        const first = check(all, partitions, uniform);
        const { owners } = check(withPrevious(all.slice(1), first.assigned), partitions, uniform);
        for (const [partition, owner] of first.owners) {
          if (owner !== 'm0') expect(owners.get(partition)).toBe(owner);
        }
      }),
    );
  });

  test('with different topics no single move would even it out', () => {
    fc.assert(
      fc.property(groups, sizes, (subscribers, counts) => {
        const { assigned } = check(subscribers, new Map(Object.entries(counts)), uniform);
        for (const one of subscribers) {
          for (const other of subscribers) {
            const has = assigned.get(one.memberId)!;
            if (![...has.keys()].some((topicId) => other.topicIds.has(topicId))) continue;
            expect(countOf(has)).toBeLessThanOrEqual(countOf(assigned.get(other.memberId)!) + 1);
          }
        }
      }),
    );
  });
});

test('range gives the same partitions of topics of the same size, static members first', () => {
  const partitions = new Map([
    ['t1', 3],
    ['t2', 3],
  ]);
  const list = [subscriber('a', ['t1', 't2']), { ...subscriber('z', ['t1', 't2']), instanceId: 'i' }];
  const assigned = range(list, partitions);
  expect([...assigned.get('z')!]).toEqual([
    ['t1', [0, 1]],
    ['t2', [0, 1]],
  ]);
  expect([...assigned.get('a')!]).toEqual([
    ['t1', [2]],
    ['t2', [2]],
  ]);
});

import { errorName } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { snapshot } from '../checkpoint.ts';
import { replay } from '../replay.ts';
import { createShard, type Shard } from '../state.ts';
import { partitionsOf } from './assignment.ts';
import { ConsumerHarness, topicId } from './harness.ts';
import { stateOf } from './state.ts';

/**
 * Any order of heartbeats, lost answers, silence, and changes of topics, from clients that give up partitions when they are told to,
 * at once or later. Invariants: ../README.md.
 */
interface Client {
  memberId: string;
  epoch: number;
  /** What it reads now: `topic id/partition`. */
  owned: Set<string>;
  /** What it was last told to have. */
  given: Set<string>;
  readonly instanceId: string | null;
  topics: string[];
}

type Action =
  | { do: 'beat'; client: number; answer: 'taken' | 'lost'; revokes: boolean }
  | { do: 'leave' | 'crash'; client: number }
  | { do: 'subscribe'; client: number; topics: string[] }
  | { do: 'topic'; name: string; partitions: number }
  | { do: 'wait'; ms: number };

const client = fc.nat(3);
const topics = fc.subarray(['one', 'two'], { minLength: 1 });
const actions = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('beat' as const),
        client,
        answer: fc.constantFrom('taken' as const, 'taken' as const, 'taken' as const, 'lost' as const),
        revokes: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'crash' as const), client }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('subscribe' as const), client, topics }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('topic' as const),
        name: fc.constantFrom('one', 'two'),
        partitions: fc.nat(5),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 6_000, 25_000) }),
    },
  ),
  { maxLength: 60, size: 'max' },
);

class World {
  #names = 0;
  readonly h = new ConsumerHarness();
  readonly clients: Client[] = [null, null, 'i', 'j'].map((instanceId) => this.fresh(instanceId));
  #topics = 1;
  #epoch = 0;

  constructor() {
    this.h.topics.set('one', { id: topicId(1), partitions: 4 });
  }

  fresh(instanceId: string | null): Client {
    const memberId = `m${++this.#names}`;
    return { memberId, epoch: 0, owned: new Set(), given: new Set(), instanceId, topics: ['one'] };
  }

  apply(action: Action): void {
    switch (action.do) {
      case 'beat':
        this.beat(this.clients[action.client]!, action);
        break;
      case 'leave':
        this.leave(action.client);
        break;
      case 'crash':
        this.clients[action.client] = this.fresh(this.clients[action.client]!.instanceId);
        break;
      case 'subscribe':
        this.clients[action.client]!.topics = action.topics;
        break;
      case 'topic':
        this.changeTopic(action.name, action.partitions);
        break;
      case 'wait':
        this.h.advance(action.ms);
    }
    this.check();
  }

  beat(one: Client, { answer, revokes }: { answer: 'taken' | 'lost'; revokes: boolean }): void {
    if (revokes)
      for (const partition of one.owned) if (!one.given.has(partition)) one.owned.delete(partition);
    const owned = new Map<string, number[]>();
    for (const partition of one.owned) {
      const [id, index] = partition.split('/') as [string, string];
      owned.set(id, [...(owned.get(id) ?? []), Number(index)]);
    }
    const response = this.h.beat(one.memberId, one.epoch, {
      instanceId: one.instanceId,
      rebalanceTimeoutMs: 30_000,
      subscribedTopicNames: one.topics,
      topicPartitions: Array.from(owned, ([id, partitions]) => ({ topicId: id, partitions })),
    });
    if (answer === 'lost') return;
    const error = errorName(response.errorCode);
    if (error === 'NONE') {
      one.epoch = response.memberEpoch;
      if (!response.assignment) return;
      const listed = response.assignment.topicPartitions;
      one.given = new Set(
        listed.flatMap(({ topicId: id, partitions }) => partitions.map((p) => `${id}/${p}`)),
      );
      for (const partition of one.given) one.owned.add(partition);
    } else if (error !== 'UNRELEASED_INSTANCE_ID') {
      Object.assign(one, { epoch: 0, owned: new Set(), given: new Set() });
    }
  }

  leave(index: number): void {
    const one = this.clients[index]!;
    this.clients[index] = this.fresh(one.instanceId);
    this.h.beat(one.memberId, one.instanceId === null ? -1 : -2, { instanceId: one.instanceId });
  }

  changeTopic(name: string, partitions: number): void {
    const topic = this.h.topics.get(name);
    if (partitions === 0) this.h.topics.delete(name);
    else if (!topic) this.h.topics.set(name, { id: topicId(++this.#topics), partitions });
    else if (partitions > topic.partitions) this.h.topics.set(name, { ...topic, partitions });
  }

  check(): void {
    const recovered = durable(this.h.recovered());
    expect(recovered, 'I7 replay gives what is durable').toEqual(durable(this.h.shard));
    const compacted = createShard();
    for (const record of snapshot(this.h.shard)) replay(compacted, record);
    expect(durable(compacted), 'I8 the snapshot is worth the log').toEqual(recovered);
    const consumer = this.h.group()?.consumer;
    if (!consumer) return;
    expect(consumer.epoch, 'I12 epochs only grow').toBeGreaterThanOrEqual(this.#epoch);
    this.#epoch = consumer.epoch;
    expect(consumer.assignmentEpoch).toBeLessThanOrEqual(consumer.epoch);
    const held = new Map<string, string>();
    for (const { memberId, current } of consumer.members.values()) {
      expect(current.memberEpoch, 'I12 nobody is ahead of the target').toBeLessThanOrEqual(
        consumer.assignmentEpoch,
      );
      for (const part of [current.assigned, current.pendingRevocation]) {
        for (const [id, partition] of partitionsOf(part)) {
          expect(held.get(`${id}/${partition}`), 'I13 one member has it').toBeUndefined();
          held.set(`${id}/${partition}`, memberId);
        }
      }
    }
    const owners = [...consumer.owners].flatMap(([id, map]) =>
      [...map].map(([p, m]) => [`${id}/${p}`, m] as const),
    );
    expect(new Map(owners), 'I13 owners are those who hold').toEqual(held);
    const reads = new Set<string>();
    for (const { memberId, owned } of this.clients) {
      if (!consumer.members.has(memberId)) continue;
      for (const partition of owned) {
        expect(reads.has(partition), 'I14 no two members read a partition').toBe(false);
        reads.add(partition);
      }
    }
    if (consumer.members.size > 0) {
      expect(this.h.group()!.wakeAt, 'I5 whoever is silent will be noticed').toBeLessThan(
        Number.POSITIVE_INFINITY,
      );
    }
  }
}

/** What must survive: all but deadlines. */
function durable(shard: Shard) {
  return new Map(
    [...shard.groups].map(([groupId, { consumer }]) => {
      if (!consumer) return [groupId, undefined];
      const { refreshAt: _, members, ...rest } = consumer;
      const kept = new Map([...members].map(([id, { said, current }]) => [id, { said, current }]));
      return [groupId, { ...rest, members: kept }];
    }),
  );
}

test('whatever members of a group of the new protocol do, the invariants hold after every step', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World();
      for (const action of list) world.apply(action);
    }),
    { numRuns: 150 },
  );
});

test('I15 once everybody behaves, all partitions are read, each by one member', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World();
      for (const action of list) world.apply(action);
      for (let second = 0; second < 60; second += 5) {
        for (const one of world.clients) world.beat(one, { answer: 'taken', revokes: true });
        world.check();
        world.h.advance(5_000);
      }
      for (const one of world.clients) world.beat(one, { answer: 'taken', revokes: true });
      const { h, clients } = world;
      expect(stateOf(h.consumer)).toBe('Stable');
      const expected = new Set<string>();
      for (const name of clients.flatMap((one) => one.topics)) {
        const topic = h.topics.get(name);
        for (let p = 0; p < (topic?.partitions ?? 0); p++) expected.add(`${topic!.id}/${p}`);
      }
      const read = clients.flatMap(({ owned }) => [...owned]);
      expect(read.sort()).toEqual([...expected].sort());
    }),
    { numRuns: 40 },
  );
});

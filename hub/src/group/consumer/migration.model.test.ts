import { type ErrorName, errorName, readConsumerAssignment, writeConsumerAssignment } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { snapshot } from '../checkpoint.ts';
import { subscription } from '../harness.ts';
import { replay } from '../replay.ts';
import { createShard, type Group, type Shard } from '../state.ts';
import { partitionsOf } from './assignment.ts';
import { ConsumerHarness, topicId } from './harness.ts';
import { isClassic, stateOf } from './state.ts';

/**
 * Clients of both protocols in one group, that are restarted with the other one, crash, or lose answers, under coordinators that take over
 * at any moment. Those of the classic protocol give up everything before they join (`eager`), or only what they are told to.
 * Invariants: ../README.md.
 */
interface Client {
  readonly instanceId: string | null;
  readonly speaks: 'classic' | 'consumer';
  memberId: string;
  /** The generation of a classic member. */
  epoch: number;
  /** Partitions of the topic that it reads. */
  owned: Set<number>;
  /** New protocol: what it was last told to have. */
  given: Set<number>;
  /** Classic: what it does next, or waits for. */
  next: 'join' | 'sync' | 'beat' | { readonly join: number } | { readonly sync: number };
  /** Of the generation, when it leads. */
  assign: Record<string, Buffer>;
}

type Action =
  | { do: 'act'; client: number; answer: 'taken' | 'lost' }
  | { do: 'switch'; client: number; to: Client['speaks']; how: 'closed' | 'killed' }
  | { do: 'commit'; client: number; partition: number }
  | { do: 'grow' | 'failOver' }
  | { do: 'wait'; ms: number };

const CLIENTS = 4;
const TOPIC = 'one';
const ID = topicId(1);
const client = fc.nat(CLIENTS - 1);
const actions = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    {
      weight: 20,
      arbitrary: fc.record({
        do: fc.constant('act' as const),
        client,
        answer: fc.constantFrom(...Array<'taken'>(9).fill('taken'), 'lost' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('switch' as const),
        client,
        to: fc.constantFrom('classic' as const, 'consumer' as const),
        how: fc.constantFrom('closed' as const, 'closed' as const, 'killed' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const), client, partition: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.constantFrom<Action>({ do: 'grow' }, { do: 'failOver' }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(600, 2_500, 7_000) }),
    },
  ),
  { maxLength: 90, size: 'max' },
);
const starts = fc.tuple(fc.boolean(), actions);

class World {
  readonly h = new ConsumerHarness({ consumerSessionTimeoutMs: 10_000 });
  readonly clients: Client[];
  readonly #eager: boolean;
  readonly #committed = new Map<number, number>();
  #names = 0;
  #offsets = 0;

  constructor(eager: boolean) {
    this.#eager = eager;
    this.h.topics.set(TOPIC, { id: ID, partitions: 4 });
    this.clients = [null, null, 'i', 'j'].map((instanceId) => this.fresh(instanceId, 'classic'));
  }

  fresh(instanceId: string | null, speaks: Client['speaks']): Client {
    const memberId = speaks === 'classic' ? '' : `m${++this.#names}`;
    const nothing = { owned: new Set<number>(), given: new Set<number>(), assign: {} };
    return { instanceId, speaks, memberId, epoch: 0, next: 'join', ...nothing };
  }

  apply(action: Action): void {
    const before = this.h.group();
    const [wasNew, epoch] = [before?.consumer !== undefined, membersOf(before) > 0 ? epochOf(before) : 0];
    switch (action.do) {
      case 'act':
        this.act(this.clients[action.client]!, action.answer === 'lost');
        break;
      case 'switch':
        this.restart(action.client, action.to, action.how === 'closed');
        break;
      case 'commit':
        this.commit(this.clients[action.client]!, action.partition);
        break;
      case 'grow': {
        const { partitions } = this.h.topics.get(TOPIC)!;
        if (partitions < 6) this.h.topics.set(TOPIC, { id: ID, partitions: partitions + 1 });
        break;
      }
      case 'failOver':
        this.h.failOver();
        for (const one of this.clients) if (typeof one.next === 'object') one.next = 'join';
        break;
      case 'wait':
        this.h.advance(action.ms);
    }
    const after = this.h.group();
    if (after && epochOf(after) > 0 && wasNew !== (after.consumer !== undefined))
      expect(epochOf(after), 'I1, I12 epochs grow from one protocol to the other').toBeGreaterThanOrEqual(
        epoch,
      );
    this.check();
  }

  act(one: Client, lost: boolean): void {
    if (one.speaks === 'consumer') this.beatConsumer(one, lost);
    else if (typeof one.next === 'object') this.readAnswer(one, one.next, lost);
    else if (one.next === 'join') this.join(one);
    else if (one.next === 'sync') this.sync(one);
    else {
      const { memberId, epoch: generation } = one;
      const error = this.h.heartbeat(memberId, { generation, ...instanceOf(one) });
      if (!lost && error !== 'NONE') this.mustJoin(one, error);
    }
  }

  join(one: Client): void {
    if (this.#eager) one.owned.clear();
    const metadata = subscription([TOPIC], [{ topic: TOPIC, partitions: [...one.owned] }]);
    const instance = one.instanceId;
    const protocols = [this.#eager ? 'range' : 'cooperative'];
    const timeouts = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 8_000 };
    one.next = { join: this.h.join({ memberId: one.memberId, instance, metadata, protocols, ...timeouts }) };
  }

  sync(one: Client): void {
    const { memberId, epoch: generation, assign } = one;
    one.next = { sync: this.h.sync(memberId, { generation, assign, ...instanceOf(one) }) };
  }

  readAnswer(one: Client, waits: { join: number } | { sync: number }, lost: boolean): void {
    const ticket = 'join' in waits ? waits.join : waits.sync;
    const reply = this.h.replies.get(ticket);
    if (!reply) return;
    if (lost) one.next = 'join';
    else if (reply.kind === 'join') this.joined(one, reply.body);
    else if (reply.kind === 'sync') this.synced(one, reply.body);
  }

  joined(one: Client, body: ReturnType<ConsumerHarness['reply']> & object): void {
    const { errorCode, memberId, generationId, leader, members, skipAssignment } = body as never as {
      errorCode: number;
      memberId: string;
      generationId: number;
      leader: string;
      members: { memberId: string; metadata: Buffer }[];
      skipAssignment: boolean;
    };
    const error = errorName(errorCode);
    if (error === 'MEMBER_ID_REQUIRED') Object.assign(one, { memberId, next: 'join' });
    else if (error !== 'NONE') this.mustJoin(one, error);
    else {
      Object.assign(one, { memberId, epoch: generationId, next: 'sync', assign: {} });
      if (leader === memberId && !skipAssignment) one.assign = this.share(members);
    }
  }

  /** What a leader decides: all keep what they have as far as it is fair, and what somebody still reads is free only for itself. */
  share(members: readonly { memberId: string; metadata: Buffer }[]): Record<string, Buffer> {
    const { partitions } = this.h.topics.get(TOPIC)!;
    const claims = new Map<number, string>();
    for (const { memberId } of members)
      for (const one of this.clients)
        if (one.memberId === memberId) for (const partition of one.owned) claims.set(partition, memberId);
    const assign: Record<string, Buffer> = {};
    for (const [i, { memberId }] of members.entries()) {
      const mine: number[] = [];
      for (let p = i; p < partitions; p += members.length)
        if (!claims.has(p) || claims.get(p) === memberId) mine.push(p);
      assign[memberId] = writeConsumerAssignment(1, [{ topic: TOPIC, partitions: mine }]);
    }
    return assign;
  }

  synced(one: Client, body: { errorCode: number; assignment: Buffer }): void {
    const error = errorName(body.errorCode);
    if (error !== 'NONE') {
      this.mustJoin(one, error);
      return;
    }
    const assigned = new Set(readConsumerAssignment(body.assignment).flatMap(({ partitions }) => partitions));
    const gaveUp = [...one.owned].some((partition) => !assigned.has(partition));
    one.owned = assigned;
    one.next = gaveUp && !this.#eager ? 'join' : 'beat';
  }

  mustJoin(one: Client, error: ErrorName): void {
    one.next = 'join';
    if (error === 'REBALANCE_IN_PROGRESS') return;
    one.owned.clear();
    if (error !== 'ILLEGAL_GENERATION') one.memberId = '';
  }

  beatConsumer(one: Client, lost: boolean): void {
    for (const partition of one.owned) if (!one.given.has(partition)) one.owned.delete(partition);
    const topicPartitions = one.owned.size > 0 ? [{ topicId: ID, partitions: [...one.owned] }] : [];
    const { memberId, epoch, instanceId } = one;
    const request = { instanceId, rebalanceTimeoutMs: 8_000, subscribedTopicNames: [TOPIC], topicPartitions };
    const { errorCode, memberEpoch, assignment } = this.h.beat(memberId, epoch, request);
    if (lost) return;
    if (errorCode === 0) {
      one.epoch = memberEpoch;
      if (!assignment) return;
      one.given = new Set(assignment.topicPartitions.flatMap(({ partitions }) => partitions));
      for (const partition of one.given) one.owned.add(partition);
    } else if (errorName(errorCode) !== 'UNRELEASED_INSTANCE_ID') {
      Object.assign(one, { epoch: 0, owned: new Set(), given: new Set() });
    }
  }

  /** Static members of the classic protocol just go; the others say so when they are closed. */
  restart(index: number, to: Client['speaks'], closed: boolean): void {
    const one = this.clients[index]!;
    this.clients[index] = this.fresh(one.instanceId, to);
    if (!closed) return;
    if (one.speaks === 'consumer')
      this.h.beat(one.memberId, one.instanceId === null ? -1 : -2, { instanceId: one.instanceId });
    else if (one.instanceId === null && one.memberId !== '') this.h.leave([{ memberId: one.memberId }]);
  }

  commit({ memberId, epoch: generation, instanceId: instance }: Client, partition: number): void {
    const offset = ++this.#offsets;
    const by = { memberId, generation, ...(instance !== null && { instance }) };
    if (this.h.commit({ topic: TOPIC, partition, offset, ...by }) === 'NONE')
      this.#committed.set(partition, offset);
  }

  check(): void {
    const { h } = this;
    for (const [partition, offset] of this.#committed)
      expect(h.committed(TOPIC, partition), 'I6 a committed offset is there').toBe(offset);
    const recovered = durable(h.recovered());
    expect(recovered, 'I7 replay gives what is durable').toEqual(durable(h.shard));
    const compacted = createShard();
    for (const record of snapshot(h.shard)) replay(compacted, record);
    expect(durable(compacted), 'I8 the snapshot is worth the log').toEqual(recovered);
    const group = h.group();
    checkWaiting(h, group);
    if (group?.consumer) checkMixed(group.consumer);
    const members = group?.consumer?.members ?? group?.members;
    const readers = new Map<number, string>();
    for (const { memberId, owned } of this.clients) {
      if (!members?.has(memberId)) continue;
      for (const partition of owned) {
        expect(readers.get(partition), 'I14 no two members read a partition').toBeUndefined();
        readers.set(partition, memberId);
      }
    }
  }

  /** Everybody does all that it can, once a second. */
  behave(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      for (let turn = 0; turn < 4; turn++) for (const one of this.clients) this.act(one, false);
      this.apply({ do: 'wait', ms: 1_000 });
    }
  }

  /** I15: the group is stable, and every partition is read by one member. */
  expectAllRead(): void {
    const group = this.h.group()!;
    expect(group.consumer ? stateOf(group.consumer) : group.state).toBe('Stable');
    const expected = Array.from({ length: this.h.topics.get(TOPIC)!.partitions }, (_, i) => i);
    expect(this.clients.flatMap(({ owned }) => [...owned]).sort()).toEqual(expected);
  }
}

const instanceOf = ({ instanceId }: Client) => instanceId !== null && { instance: instanceId };
const membersOf = (group: Group | undefined) => (group?.consumer ?? group)?.members.size ?? 0;
const epochOf = (group: Group | undefined) => group?.consumer?.epoch ?? group?.generationId ?? 0;

function checkWaiting(h: ConsumerHarness, group: Group | undefined): void {
  const waiting = [...(group?.members.values() ?? [])].flatMap(({ awaitingJoin, awaitingSync }) => [
    ...(awaitingJoin === undefined ? [] : [awaitingJoin]),
    ...(awaitingSync === undefined ? [] : [awaitingSync]),
  ]);
  expect(h.open, 'I5 every request that waits is remembered, once').toEqual(new Set(waiting));
  if (waiting.length > 0 || (group?.consumer?.members.size ?? 0) > 0)
    expect(group!.wakeAt, 'I5 whoever is silent will be noticed').toBeLessThan(Number.POSITIVE_INFINITY);
}

function checkMixed(consumer: NonNullable<Group['consumer']>): void {
  const held = new Map<string, string>();
  const common = new Map<string, number>();
  let classic = 0;
  for (const member of consumer.members.values()) {
    const { memberId, current, said } = member;
    expect(current.memberEpoch, 'I12').toBeLessThanOrEqual(consumer.assignmentEpoch);
    for (const part of [current.assigned, current.pendingRevocation]) {
      for (const [id, partition] of partitionsOf(part)) {
        expect(held.get(`${id}/${partition}`), 'I13 one member has it').toBeUndefined();
        held.set(`${id}/${partition}`, memberId);
      }
    }
    if (!isClassic(member)) continue;
    classic++;
    for (const { name } of said.classicMemberMetadata!.supportedProtocols)
      common.set(name, (common.get(name) ?? 0) + 1);
  }
  const { size } = consumer.members;
  if (size > 0) expect(classic, 'I16 somebody speaks the new protocol').toBeLessThan(size);
  if (classic > 0) expect([...common.values()], 'I3 a protocol in common').toContain(classic);
}

/** What must survive: all but deadlines and generations that never were complete. */
function durable(shard: Shard) {
  const kept = [...shard.groups].filter(([, { consumer, recorded, offsets }]) =>
    Boolean(consumer || recorded || offsets.size > 0),
  );
  return new Map(
    kept.map(([groupId, { consumer, recorded, offsets }]) => {
      if (!consumer) return [groupId, { recorded, offsets }];
      const { refreshAt: _, members, ...rest } = consumer;
      const lasting = new Map([...members].map(([id, { said, current }]) => [id, { said, current }]));
      return [groupId, { ...rest, members: lasting, recorded, offsets }];
    }),
  );
}

test('whatever members of both protocols do, the invariants hold after every step', () => {
  fc.assert(
    fc.property(starts, ([eager, list]) => {
      const world = new World(eager);
      for (const action of list) world.apply(action);
    }),
    { numRuns: 120 },
  );
});

test('I15 once everybody behaves, all partitions are read, each by one member, of whichever protocol', () => {
  fc.assert(
    fc.property(starts, ([eager, list]) => {
      const world = new World(eager);
      for (const action of list) world.apply(action);
      // A static member that gave up partitions and was restarted before it joined again is back without a rebalance: a newcomer makes one.
      world.restart(0, world.clients[0]!.speaks, false);
      world.behave(60);
      world.expectAllRead();
    }),
    { numRuns: 15 },
  );
});

test.each([true, false])(
  'members restarted one by one with the other protocol, and back, leave nothing unread (eager: %s)',
  (eager) => {
    const world = new World(eager);
    world.behave(15);
    for (const to of ['consumer', 'classic'] as const) {
      for (const index of world.clients.keys()) {
        world.apply({ do: 'switch', client: index, to, how: 'closed' });
        world.behave(15);
        world.expectAllRead();
      }
      expect(world.h.group()!.consumer === undefined).toBe(to === 'classic');
    }
  },
);

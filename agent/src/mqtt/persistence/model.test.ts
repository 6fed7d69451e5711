import { createRequire } from 'node:module';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryDir } from '../../testing/fixture.ts';
import { openDiskTable } from './disk-table.ts';
import { FilterTree, filterMatches } from './filters.ts';
import { RetainedMessages } from './retained.ts';
import type { SessionQueue } from './session-queue.ts';
import { Sessions, type Subscription } from './sessions.ts';
import { Table } from './table.ts';

interface MemoryPersistence {
  storeRetained(packet: object): Promise<void>;
  createRetainedStream(filter: string): AsyncIterable<{ topic: string; payload: Buffer }>;
  addSubscriptions(client: { id: string }, subscriptions: readonly Subscription[]): Promise<void>;
  removeSubscriptions(client: { id: string }, topics: readonly string[]): Promise<void>;
  cleanSubscriptions(client: { id: string }): Promise<void>;
  subscriptionsByTopic(topic: string): Promise<{ clientId: string; qos: number }[]>;
  subscriptionsByClient(client: { id: string }): Promise<{ topic: string; qos: number }[]>;
}
const Memory = createRequire(import.meta.url)(
  'aedes-persistence/asyncPersistence.js',
) as new () => MemoryPersistence;

// No empty levels: the model does not match them with +, as the standard has it [MQTT-4.7.1-3].
const level = fc.constantFrom('a', 'b', 'ab', 'ä');
const topic = fc.array(level, { minLength: 1, maxLength: 3 }).map((levels) => levels.join('/'));
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
const clientId = fc.constantFrom('one', 'two', 'three');
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);

function openTable(path: string): Table {
  const fail = () => expect.unreachable('the store failed');
  return new Table({
    disk: openDiskTable(path),
    onFailure: fail,
    onRecovery: fail,
    onDamage: fail,
    memoryBytes: 0,
  });
}

const openSessions = (table: Table) =>
  new Sessions({
    table,
    share: { table, limits: { messages: 10, bytes: 1000, allBytes: 1000 }, allBytes: 0 },
    expirySeconds: 1,
    monotonicMs: () => 0,
    onFlushed: () => {},
  });

test('a tree of filters finds what a look at every filter finds', () => {
  fc.assert(
    fc.property(
      fc.array(filter),
      fc.array(filter),
      fc.oneof(topic, fc.constant('$SYS/a')),
      (added, removed, name) => {
        const tree = new FilterTree<string>();
        for (const one of added) tree.set(one, 'client', one);
        for (const one of removed) tree.delete(one, 'client');
        const left = [...new Set(added)].filter((one) => !removed.includes(one));
        const expected = left.filter((one) => filterMatches(one, name));
        expect(tree.match(name).sort()).toEqual(expected.sort());
      },
    ),
  );
});

const change = fc.oneof(
  fc.record({ is: fc.constant('retain' as const), topic, payload: fc.constantFrom('', 'x', 'longer') }),
  fc.record({ is: fc.constant('subscribe' as const), clientId, topic: filter, qos }),
  fc.record({ is: fc.constant('unsubscribe' as const), clientId, topic: filter }),
  fc.record({ is: fc.constant('clean' as const), clientId }),
  fc.record({ is: fc.constant('reopen' as const) }),
);

test.each([
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['a/#', 'a', true],
  ['#', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
])('%s matches %s: %s', (wanted, name, matches) => {
  expect(filterMatches(wanted, name)).toBe(matches);
});

test('retained messages and subscriptions are as in the persistence in memory, over restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 40 }),
      fc.array(topic, { minLength: 3 }),
      fc.array(filter, { minLength: 3 }),
      async (changes, topics, filters) => {
        const path = join(temporaryDir(), 'store');
        const model = new Memory();
        let table = openTable(path);
        const limits = { messages: 1000, bytes: 1e6 };
        let sessions = openSessions(table);
        let retained = new RetainedMessages(table, limits, () => {});
        for (const one of changes) {
          if (one.is === 'retain') {
            const message = {
              topic: one.topic,
              payload: Buffer.from(one.payload),
              qos: 0 as const,
              retain: true,
            };
            retained.store(message);
            await model.storeRetained(message);
          } else if (one.is === 'subscribe') {
            sessions.subscribe(one.clientId, [one]);
            sessions.saveSubscriptions();
            await model.addSubscriptions({ id: one.clientId }, [one]);
          } else if (one.is === 'unsubscribe') {
            sessions.unsubscribe(one.clientId, [one.topic]);
            await model.removeSubscriptions({ id: one.clientId }, [one.topic]);
          } else if (one.is === 'clean') {
            sessions.end(one.clientId);
            await model.cleanSubscriptions({ id: one.clientId });
          } else {
            await table.close();
            table = openTable(path);
            sessions = openSessions(table);
            retained = new RetainedMessages(table, limits, () => {});
          }
        }
        for (const name of filters) {
          const expected: string[] = [];
          for await (const message of model.createRetainedStream(name))
            expected.push(`${message.topic} ${message.payload}`);
          const found: string[] = [];
          for await (const message of retained.matching([name]))
            found.push(`${message.topic} ${message.payload}`);
          expect(found.sort()).toEqual(expected.sort());
        }
        for (const name of topics) {
          const best = new Map<string, number>();
          for (const { clientId: id, qos: granted } of await model.subscriptionsByTopic(name)) {
            best.set(id, Math.max(granted, best.get(id) ?? 0));
          }
          expect(new Map(sessions.matching(name).map((one) => [one.clientId, one.qos]))).toEqual(best);
        }
        for (const id of ['one', 'two', 'three']) {
          const expected = (await model.subscriptionsByClient({ id })).map(
            (one) => `${one.topic} ${one.qos}`,
          );
          const found = [...(sessions.get(id)?.subscriptions.values() ?? [])].map(
            (one) => `${one.topic} ${one.qos}`,
          );
          expect(found.sort()).toEqual(expected.sort());
        }
        await table.close();
      },
    ),
    { numRuns: 25 },
  );
});

const step = fc.oneof(
  fc.record({ is: fc.constant('push' as const), size: fc.nat(300) }),
  fc.record({ is: fc.constant('remove' as const), at: fc.nat(10) }),
  fc.record({ is: fc.constant('reopen' as const) }),
);

test('a queue holds what was pushed and not removed, in order, within its bounds, over restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const path = join(temporaryDir(), 'store');
      let table = openTable(path);
      let sessions = openSessions(table);
      let queue: SessionQueue = sessions.connected('c', undefined).queue;
      let model: { size: number }[] = [];
      for (const one of steps) {
        if (one.is === 'push') {
          const payload = Buffer.alloc(one.size, 'x');
          if (queue.push({ topic: 't', payload, qos: 1, retain: false })) model.push({ size: one.size });
          else expect(model.length === 10 || queue.bytes + one.size > 900).toBe(true);
        } else if (one.is === 'remove') {
          await table.commit();
          const found = queue.read(0, 100)[one.at];
          if (found === undefined) continue;
          queue.remove(found);
          model = model.filter((_, i) => i !== one.at);
        } else {
          await table.close();
          table = openTable(path);
          sessions = openSessions(table);
          queue = sessions.get('c')!.queue;
        }
        await table.commit();
        const stored = queue.read(0, 100);
        expect(stored.map(({ message }) => message!.payload.length)).toEqual(model.map(({ size }) => size));
        expect(queue.messages).toBe(model.length);
        expect(queue.bytes).toBe(stored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
      }
      await table.close();
    }),
    { numRuns: 25 },
  );
});

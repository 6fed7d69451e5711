import type { PartitionRecord } from '@edgelog/cluster';
import type { KeyValue } from '@edgelog/etcd';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MetadataChanges } from './entries.ts';
import { Metadata, type RawChange } from './metadata.ts';

const TOPIC_IDS = ['0f3c1c1c-58cb-4f1e-9b6e-1b6d6b0f7e11', '1f3c1c1c-58cb-4f1e-9b6e-1b6d6b0f7e11'];

const topic = fc.record({
  path: fc.constantFrom('topics/a', 'topics/b'),
  value: fc.option(
    fc.record({
      id: fc.constantFrom(...TOPIC_IDS),
      partitions: fc.integer({ min: 1, max: 3 }),
      configs: fc.constant({}),
      createdAtMs: fc.constant(0),
    }),
  ),
});
const partition = fc.record({
  path: fc.tuple(fc.constantFrom(...TOPIC_IDS), fc.nat(3)).map(([id, index]) => `partitions/${id}/${index}`),
  // A replica list that repeats a broker cannot be read.
  value: fc.option(fc.constantFrom([1], [2, 1], [3, 3]).map(recordOf)),
});
const broker = fc.record({
  path: fc.constantFrom('brokers/1', 'brokers/x', 'controller', 'runs/7'),
  value: fc.option(fc.constantFrom({ brokerId: 1 }, { brokerId: -1 })),
});
const steps = fc.array(
  fc.record({
    isReset: fc.boolean(),
    changes: fc.array(fc.oneof(topic, partition, broker), { minLength: 1, maxLength: 6 }),
  }),
  { maxLength: 25 },
);

function recordOf(replicas: readonly number[]): PartitionRecord {
  const [leader] = replicas;
  const rest = { leaderEpoch: 0, leaderBrokerEpoch: 1, minInsync: 1, adding: [], removing: [], elr: [] };
  return { replicas, isr: replicas, leader: leader!, ...rest };
}

/** What is visible by the raw keys, worked out anew. Each of two topics under one id is that id's, as hands may have written it. */
function visibleIn(store: ReadonlyMap<string, KeyValue>): string[] {
  const counts = new Map<string, number>();
  for (const [path, { value }] of store) {
    if (!path.startsWith('topics/')) continue;
    const { id, partitions } = JSON.parse(value.toString());
    counts.set(id, partitions);
  }
  const visible: string[] = [];
  for (const [path, { value, modRevision }] of store) {
    const [folder, id, index] = path.split('/');
    if (folder !== 'partitions') continue;
    const { replicas } = JSON.parse(value.toString());
    const isFit = new Set(replicas).size === replicas.length;
    if (isFit && Number(index) < (counts.get(id!) ?? 0)) visible.push(`${id}/${index}@${modRevision}`);
  }
  return visible.sort();
}

/** Who follows the changes and nothing else. */
class Follower {
  readonly #visible = new Map<string, number>();

  take({ partitions }: MetadataChanges): void {
    for (const { before, after } of partitions) {
      const { topicId, index } = (after ?? before)!;
      const key = `${topicId}/${index}`;
      expect(this.#visible.get(key)).toBe(before?.revision);
      expect(after).not.toBe(before);
      if (after === undefined) this.#visible.delete(key);
      else this.#visible.set(key, after.revision);
    }
  }

  get visible(): string[] {
    return Array.from(this.#visible, ([key, revision]) => `${key}@${revision}`).sort();
  }
}

const hasTwoTopicsOfOneId = (store: ReadonlyMap<string, KeyValue>): boolean => {
  const ids = Array.from(store).flatMap(([path, { value }]) =>
    path.startsWith('topics/') ? [JSON.parse(value.toString()).id] : [],
  );
  return new Set(ids).size < ids.length;
};

test('who follows the changes sees what the keys say, through revisions and resets', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const metadata = new Metadata(() => {});
      const follower = new Follower();
      const store = new Map<string, KeyValue>();
      let revision = 1;
      for (const { isReset, changes } of script) {
        revision++;
        const before = new Map(store);
        const raw: RawChange[] = changes.map(({ path, value }) => {
          const kv = value === null ? undefined : keyValue(path, value, revision);
          if (kv === undefined) store.delete(path);
          else store.set(path, kv);
          return { path, kv };
        });
        if (hasTwoTopicsOfOneId(store)) {
          store.clear();
          for (const [path, kv] of before) store.set(path, kv);
          continue;
        }
        // One revision changes a key once; a reset is all that is there.
        const last = new Map(raw.map((one) => [one.path, one]));
        const told = isReset ? metadata.differences(store) : [...last.values()];
        follower.take(metadata.apply(revision, told));
        expect(follower.visible).toEqual(visibleIn(store));
        const seen = Array.from(
          metadata.partitions(),
          (one) => `${one.topicId}/${one.index}@${one.revision}`,
        );
        expect(seen.sort()).toEqual(visibleIn(store));
      }
    }),
    { numRuns: 300 },
  );
});

test('a reset that shows what was known changes nothing', () => {
  const metadata = new Metadata(() => {});
  const id = TOPIC_IDS[0]!;
  const values = {
    'topics/a': { id, partitions: 1, configs: {}, createdAtMs: 0 },
    [`partitions/${id}/0`]: recordOf([1]),
    'brokers/1': { mark: 'm', kafka: 'a:1', sync: '', http: '', rack: null, draining: false },
    'directories/1': { mark: 'm', accepted: 'm' },
    controller: { brokerId: 1 },
    'runs/7': { any: 'thing' },
  };
  const store = new Map(Object.entries(values).map(([path, value]) => [path, keyValue(path, value, 5)]));
  const first = metadata.apply(5, metadata.differences(store));
  expect(first.partitions).toHaveLength(1);
  expect(first.others).toHaveLength(1);
  expect(metadata.apply(9, metadata.differences(store))).toEqual({
    revision: 9,
    isRestored: false,
    topics: [],
    partitions: [],
    brokers: [],
    directories: [],
    controller: undefined,
    others: [],
  });
});

function keyValue(key: string, value: object, revision: number): KeyValue {
  const bytes = Buffer.from(JSON.stringify(value));
  return { key, value: bytes, createRevision: revision, modRevision: revision, version: 1, lease: undefined };
}

test('a topic whose record cannot be read any more stays, until it is deleted; what is unread is known', () => {
  const metadata = new Metadata(() => {});
  const [id] = TOPIC_IDS as [string];
  let revision = 0;
  const put = (path: string, value: string | undefined) => {
    revision += 1;
    const kv = value === undefined ? undefined : kvOf(path, value);
    return metadata.apply(revision, [{ path, kv }]);
  };
  const kvOf = (key: string, value: string): KeyValue => ({
    ...{
      key,
      value: Buffer.from(value),
      createRevision: 1,
      modRevision: revision,
      version: 1,
      lease: undefined,
    },
  });
  put(`partitions/${id}/0`, JSON.stringify(recordOf([1])));
  put('topics/a', JSON.stringify({ id, partitions: 1, configs: {}, createdAtMs: 0 }));
  expect(put('topics/a', '{').topics).toEqual([]);
  expect(metadata.partition(id, 0)).toBeDefined();
  expect(metadata.hasUnreadTopics).toBe(true);
  put(`partitions/${id}/0`, '{');
  expect(metadata.isUnread(id, 0)).toBe(true);
  metadata.apply(++revision, metadata.differences(new Map()));
  expect(metadata.topic('a')).toBeUndefined();
  expect([metadata.hasUnreadTopics, metadata.isUnread(id, 0)]).toEqual([false, false]);
});

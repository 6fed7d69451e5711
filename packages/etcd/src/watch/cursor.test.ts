import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkUpdates } from '../testing/history.ts';
import { ModelStore } from '../testing/model-store.ts';
import { WatchCursor, type WatchUpdate } from './cursor.ts';

/** Reads `messages` of the next stream (or the whole range) and answers what was handed over. */
function step(
  store: ModelStore,
  cursor: WatchCursor,
  batch: number,
  fragment: number,
  messages: number,
): WatchUpdate[] {
  const next = cursor.next();
  if (next.kind === 'list') {
    const { revision, kvs } = store.list();
    return [cursor.listed(revision, kvs)];
  }
  const updates: WatchUpdate[] = [];
  for (const message of store.stream(next.startRevision, batch, fragment).slice(0, messages)) {
    const received = cursor.received(message);
    updates.push(...received.updates);
    if (received.fate !== 'goOn') break;
  }
  return updates;
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const changes = fc.array(fc.tuple(key, fc.option(fc.string({ maxLength: 2 }), { nil: undefined })), {
  maxLength: 5,
});
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ write: changes }) },
  { weight: 1, arbitrary: fc.record({ compactBack: fc.nat(4) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      batch: fc.integer({ min: 1, max: 9 }),
      fragment: fc.integer({ min: 1, max: 4 }),
      messages: fc.nat(9),
    }),
  },
);

test('every revision comes once, whole and in order, however streams are cut, fragmented and compacted', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const store = new ModelStore();
      const cursor = new WatchCursor(undefined);
      const updates: WatchUpdate[] = [];
      for (const one of actions) {
        if ('write' in one) store.write(new Map(one.write));
        else if ('compactBack' in one) store.compact(store.revision - one.compactBack);
        else updates.push(...step(store, cursor, one.batch, one.fragment, one.messages));
      }
      for (let round = 0; round < 3; round++)
        updates.push(...step(store, cursor, 3, 2, Number.POSITIVE_INFINITY));
      checkUpdates(updates, store.history, store.revision);
    }),
    { numRuns: 1_000 },
  );
});

test('a deletion at the very revision that was compacted is not lost', () => {
  const store = new ModelStore();
  const cursor = new WatchCursor(undefined);
  store.write(new Map([['a', '1']]));
  const updates = step(store, cursor, 1, 1, 9);
  store.write(new Map([['a', undefined]]));
  store.compact(store.revision);
  for (let round = 0; round < 2; round++) updates.push(...step(store, cursor, 1, 1, 9));
  expect(updates.at(-1)).toEqual({ kind: 'reset', cause: 'compacted', revision: 3, kvs: [] });
});

test('a watch after a known revision begins without the whole range', () => {
  const store = new ModelStore();
  store.write(new Map([['a', '1']]));
  store.write(new Map([['a', '2']]));
  const updates = step(store, new WatchCursor(2), 1, 1, 9);
  expect(updates.map(({ kind, revision }) => [kind, revision])).toEqual([['changes', 3]]);
});

test('revisions that go back within a stream are not handed over', () => {
  const store = new ModelStore();
  for (const value of ['1', '2', '3']) store.write(new Map([['a', value]]));
  const [created, second, third] = store.stream(2, 1, 1);
  const cursor = new WatchCursor(0);
  cursor.next();
  expect(cursor.received(created!).fate).toBe('goOn');
  expect(cursor.received(third!).updates).toHaveLength(1);
  expect(cursor.received(second!)).toEqual({ updates: [], fate: 'disorder' });
});

test('a store that is older than what was seen is listed anew', () => {
  const cursor = new WatchCursor(10);
  expect(cursor.observed(10, 10)).toBe(false);
  expect(cursor.next()).toEqual({ kind: 'open', startRevision: 10 });
  expect(cursor.observed(9, 10)).toBe(true);
  expect(cursor.next()).toEqual({ kind: 'list', cause: 'restored' });
  expect(cursor.listed(9, [])).toEqual({ kind: 'reset', cause: 'restored', revision: 9, kvs: [] });
});

import { isDeepStrictEqual } from 'node:util';
import { assert } from '@edgelog/base';
import type { Change, WatchUpdate } from '../watch/cursor.ts';

/** Key → value, undefined for a deletion. */
export type Changes = ReadonlyMap<string, string | undefined>;

/** What really happened to a range: its revisions, ascending, with what each changed. */
export type History = ReadonlyMap<number, Changes>;

export function stateAt(history: History, revision: number): Map<string, string> {
  const state = new Map<string, string>();
  for (const [at, changes] of history) {
    if (at > revision) continue;
    for (const [key, value] of changes) {
      if (value === undefined) state.delete(key);
      else state.set(key, value);
    }
  }
  return state;
}

/** What a watch may never do: omit, repeat, reorder, split or alter a revision up to `end`, or show a state that never was. */
export function checkUpdates(updates: readonly WatchUpdate[], history: History, end: number): void {
  let position = 0;
  const nothingBetween = (from: number, to: number, what: string): void => {
    const lost = [...history.keys()].find((revision) => revision > from && revision < to);
    assert(lost === undefined, `${what}: revision ${lost} was left out after ${from}`);
  };
  for (const [index, update] of updates.entries()) {
    const { kind, revision } = update;
    const what = `update ${index}, ${kind} at ${revision}`;
    if (kind === 'reset') {
      assert(index === 0 || update.cause !== 'start', `${what} begins again`);
      const shown = new Map(update.kvs.map((kv) => [kv.key, kv.value.toString()]));
      assertSame(shown, stateAt(history, revision), what);
    } else {
      assert(revision > position, `${what} came after ${position}`);
      nothingBetween(position, kind === 'progress' ? revision + 1 : revision, what);
      if (kind === 'changes')
        assertSame(new Map(update.changes.map(keyAndValue)), new Map(history.get(revision)), what);
    }
    position = revision;
  }
  nothingBetween(position, end + 1, 'the end');
}

function keyAndValue(change: Change): [string, string | undefined] {
  return [change.key, change.kind === 'put' ? change.kv.value.toString() : undefined];
}

function assertSame<K, V>(shown: Map<K, V>, wanted: Map<K, V>, what: string): void {
  const said = `showed ${JSON.stringify([...shown])}, not ${JSON.stringify([...wanted])}`;
  assert(isDeepStrictEqual(shown, wanted), `${what} ${said}`);
}

import { beforeEach, expect, test } from 'vitest';
import { History, type ViolationKind } from './history.ts';
import { labelOf, type Stream } from './stream.ts';

const P = 'orders-0';

let history: History;
let a: Stream;
let b: Stream;
let clock: number;

beforeEach(() => {
  clock = 0;
  history = new History(() => clock);
  a = history.stream('a', { neverGivesUp: true });
  b = history.stream('b', { neverGivesUp: false });
  a.sent = 10;
  b.sent = 10;
});

const kinds = (): ViolationKind[] => history.violations.map(({ kind }) => kind);

/** A reader finds these from offset 0 on. */
function read(labels: readonly string[], reader = 'r'): void {
  const reading = history.reading(reader, P);
  for (const [offset, label] of labels.entries()) {
    const [stream, n] = label.split(':') as [string, string];
    history.read(reading, offset, labelOf(stream, Number(n)));
  }
}

function acknowledge(...labels: [stream: Stream, n: number, offset?: number][]): void {
  for (const [stream, n, offset] of labels) history.acknowledged(stream, n, P, offset);
}

test('what was acknowledged is there, in order, and what was not may be: nothing to tell', () => {
  acknowledge([a, 0, 0], [b, 0, 1], [a, 1, 2], [b, 2, 4]);
  read(['a:0', 'b:0', 'a:1', 'a:2', 'b:2'], 'first');
  read(['a:0', 'b:0', 'a:1', 'a:2', 'b:2'], 'second');
  history.finish(new Map([[P, 5]]));
  expect(history.violations).toEqual([]);
  expect(history.counts).toEqual({ streams: 2, acknowledged: 4, stored: 5 });
});

test('acknowledged and nowhere: lost', () => {
  acknowledge([a, 0, 0], [a, 1]);
  read(['a:0']);
  history.finish(new Map([[P, 1]]));
  expect(history.violations).toMatchObject([{ kind: 'lost', text: 'a:1 was acknowledged at 0.00 s' }]);
});

test('read once and beyond the end later: lost', () => {
  read(['a:0', 'a:1']);
  history.finish(new Map([[P, 1]]));
  expect(kinds()).toEqual(['lost']);
});

test('acknowledged in the middle and replaced: lost, and found at the first read', () => {
  acknowledge([a, 0, 0], [a, 1, 1], [b, 0, 2]);
  read(['a:0', 'b:0']);
  expect(kinds()).toEqual([]);
  history.finish(new Map([[P, 2]]));
  expect(kinds().toSorted()).toEqual(['inconsistent', 'lost']);
});

test('acknowledged for an offset where something else was read already: inconsistent', () => {
  read(['a:0']);
  acknowledge([b, 0, 0]);
  expect(kinds()).toEqual(['inconsistent']);
});

test('two readers find different records at an offset: inconsistent', () => {
  read(['a:0', 'a:1'], 'first');
  read(['a:0', 'b:0'], 'second');
  expect(kinds()).toEqual(['inconsistent']);
});

test('a record at two offsets: duplicate, told once however many read it', () => {
  read(['a:0', 'a:1', 'a:1'], 'first');
  read(['a:0', 'a:1', 'a:1'], 'second');
  expect(kinds()).toEqual(['duplicate']);
});

test('a stream in two partitions: inconsistent', () => {
  read(['a:0']);
  history.read(history.reading('r', 'orders-1'), 0, labelOf('a', 1));
  expect(kinds()).toEqual(['inconsistent']);
});

test('an offset that nobody could read: a hole, and whoever read beyond it skipped it', () => {
  const reading = history.reading('r', P);
  history.read(reading, 0, labelOf('a', 0));
  history.read(reading, 2, labelOf('a', 1));
  history.finish(new Map([[P, 3]]));
  expect(kinds()).toEqual(['skipped', 'hole']);
});

test('a later record before an earlier one: out of order, and missing where it should be', () => {
  read(['b:1', 'b:0']);
  read(['b:1', 'b:0']);
  history.finish(new Map([[P, 2]]));
  expect(kinds()).toEqual(['order']);
});

test('a number left out by a producer that never gives up: lost, though it was not acknowledged', () => {
  acknowledge([a, 2, 1]);
  read(['a:0', 'a:2']);
  history.finish(new Map([[P, 2]]));
  expect(kinds()).toEqual(['lost']);
});

test('what nobody sent: a stranger, whether unknown, of a later number or not ours at all', () => {
  read(['c:0']);
  const reading = history.reading('other', 'orders-1');
  history.read(reading, 0, labelOf('a', 10));
  history.read(reading, 1, 'garbage');
  expect(kinds()).toEqual(['stranger', 'stranger', 'stranger']);
});

test('a member of a group may read again what was not committed, and may not leave anything out', () => {
  const first = history.reading('first', P, 'g');
  for (const n of [0, 1, 2]) history.read(first, n, labelOf('a', n));
  const second = history.reading('second', P, 'g');
  for (const n of [1, 2, 3]) history.read(second, n, labelOf('a', n));
  expect(kinds()).toEqual([]);
  history.read(history.reading('third', P, 'g'), 5, labelOf('a', 5));
  expect(kinds()).toEqual(['skipped']);
});

test('the end of a partition goes back within an epoch, or in a later one: told; told by an earlier leader: not', () => {
  history.toldEnd(P, { leaderEpoch: 3, offset: 10, askedAtMs: 0 });
  clock = 5;
  history.toldEnd(P, { leaderEpoch: 2, offset: 7, askedAtMs: 5 });
  expect(kinds()).toEqual([]);
  history.toldEnd(P, { leaderEpoch: 3, offset: 9, askedAtMs: 5 });
  history.toldEnd(P, { leaderEpoch: 4, offset: 9, askedAtMs: 5 });
  expect(kinds()).toEqual(['went back', 'went back']);
});

test('two answers under way at once may come in either order', () => {
  clock = 10;
  history.toldEnd(P, { leaderEpoch: 3, offset: 10, askedAtMs: 5 });
  history.toldEnd(P, { leaderEpoch: 3, offset: 9, askedAtMs: 6 });
  expect(kinds()).toEqual([]);
});

test('for people: what is known around an offset', () => {
  clock = 1_500;
  acknowledge([a, 0, 0]);
  read(['a:0', 'a:1']);
  expect(history.around(P, 1, 1)).toEqual([
    'orders-0 0: a:0, acknowledged at 1.50 s, first read at 1.50 s by r',
    'orders-0 1: a:1, not acknowledged, first read at 1.50 s by r',
    'orders-0 2: never read',
  ]);
});

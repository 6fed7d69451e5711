import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SendQueue, TURNS_PER_LONGEST_WAIT } from './send-queue.ts';

interface Stream {
  name: string;
  priority: number;
  isBacklog: boolean;
}
const stream = (name: string, priority = 0, isBacklog = false): Stream => ({ name, priority, isBacklog });
const ALL = Number.NEGATIVE_INFINITY;

/** Streams that always have more to send: the names of those served, in order. */
function serve(queue: SendQueue<Stream>, turns: number, leastPriority = ALL): string[] {
  const served: string[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const next = queue.next(leastPriority);
    if (next === undefined) break;
    queue.take(next);
    served.push(next.name);
    queue.add(next);
  }
  return served;
}

function queueOf(...streams: Stream[]): SendQueue<Stream> {
  const queue = new SendQueue<Stream>();
  for (const one of streams) queue.add(one);
  return queue;
}

test('higher priorities go first, and live data before the backlog; the rest keeps a share of one turn in eight', () => {
  const queue = queueOf(stream('backlog', 0, true), stream('live'), stream('alarms', 10));
  const served = serve(queue, 16);
  expect(served.filter((name) => name === 'alarms')).toHaveLength(14);
  expect(served[7]).toBe('backlog');
  expect(served[15]).toBe('live');
});

test('what is urgent or fresh passes a queue of lower ranks, and none with its own rank or a better one in it', () => {
  expect(queueOf().isPassedBy(stream('any'))).toBe(false);
  const ranks = [stream('alarms', 10), stream('live'), stream('backlog', 0, true), stream('debug', -5)];
  const passing = (queue: SendQueue<Stream>) =>
    ranks.filter((rank) => queue.isPassedBy(rank)).map(({ name }) => name);
  expect(passing(queueOf(stream('backlog', 0, true)))).toEqual(['alarms', 'live']);
  expect(passing(queueOf(stream('backlog', 0, true), stream('bulk')))).toEqual(['alarms']);
});

test('within a rank everybody has the same share', () => {
  expect(serve(queueOf(stream('a'), stream('b'), stream('c')), 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
});

test('who holds its turn keeps it, even when something better comes', () => {
  const low = stream('low');
  const queue = queueOf(low);
  queue.take(low);
  queue.hold(low);
  queue.add(stream('high', 5));
  expect(queue.next(ALL)).toBe(low);
  queue.take(low);
  expect(queue.next(ALL)?.name).toBe('high');
});

test('outside an upload window only what is urgent goes', () => {
  const queue = queueOf(stream('bulk'), stream('alarms', 10));
  expect(new Set(serve(queue, 20, 10))).toEqual(new Set(['alarms']));
  expect(queue.next(11)).toBeUndefined();
});

test('nobody starves, and the best rank has all turns but one in eight', () => {
  const streams = fc.array(fc.record({ priority: fc.integer({ min: 0, max: 3 }), isBacklog: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(streams, (ranks) => {
      const all = ranks.map((rank, i) => ({ ...rank, name: `${i}` }));
      const turns = TURNS_PER_LONGEST_WAIT * 40;
      const served = serve(queueOf(...all), turns);
      for (const { name } of all) expect(served).toContain(name);
      const best = all.toSorted(
        (a, b) => b.priority - a.priority || Number(a.isBacklog) - Number(b.isBacklog),
      )[0]!;
      const isBest = (name: string) =>
        all[Number(name)]!.priority === best.priority && all[Number(name)]!.isBacklog === best.isBacklog;
      expect(served.filter(isBest).length).toBeGreaterThanOrEqual(turns - turns / TURNS_PER_LONGEST_WAIT);
    }),
  );
});

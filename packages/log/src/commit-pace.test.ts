import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommitPace } from './commit-pace.ts';

/** Plays arrivals against a disk that is always free; gives the times of commits, and for each arrival how long it waited. */
function play(
  pacing: { intervalMs: number; enoughBytes: number },
  arrivals: { afterMs: number; bytes: number }[],
) {
  const pace = new CommitPace(pacing);
  const commits: number[] = [];
  const waits: number[] = [];
  let now = 0;
  let gathered: { at: number; bytes: number }[] = [];
  let dueAt = Number.POSITIVE_INFINITY;
  const commit = (at: number): void => {
    pace.committed(at);
    commits.push(at);
    for (const one of gathered) waits.push(at - one.at);
    gathered = [];
    dueAt = Number.POSITIVE_INFINITY;
  };
  for (const { afterMs, bytes } of arrivals) {
    now += afterMs;
    if (dueAt <= now) commit(dueAt);
    gathered.push({ at: now, bytes });
    const total = gathered.reduce((sum, one) => sum + one.bytes, 0);
    dueAt = Math.min(dueAt, now + pace.waitMs(total, now));
    if (dueAt <= now) commit(now);
  }
  if (gathered.length > 0) commit(dueAt);
  return { commits, waits };
}

const pacing = fc.record({
  intervalMs: fc.integer({ min: 0, max: 300 }),
  enoughBytes: fc.integer({ min: 1, max: 5000 }),
});
const arrivals = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 500 }), bytes: fc.integer({ min: 1, max: 1000 }) }),
  { minLength: 1, maxLength: 200 },
);

test('nobody waits longer than the interval, and a message after a pause not at all', () => {
  fc.assert(
    fc.property(pacing, arrivals, (given, all) => {
      const { waits } = play(given, all);
      expect(waits).toHaveLength(all.length);
      expect(Math.max(...waits)).toBeLessThanOrEqual(given.intervalMs);
      const paused = all.map(({ afterMs }) => ({ afterMs: afterMs + given.intervalMs, bytes: 1 }));
      expect(play(given, paused).waits.every((ms) => ms === 0)).toBe(true);
    }),
  );
});

test('there are no more commits than intervals have passed and than there is enough to write', () => {
  fc.assert(
    fc.property(pacing, arrivals, (given, all) => {
      const { commits } = play(given, all);
      const tookMs = all.reduce((sum, { afterMs }) => sum + afterMs, 0);
      const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
      const byTime = given.intervalMs === 0 ? all.length : tookMs / given.intervalMs + 2;
      expect(commits.length).toBeLessThanOrEqual(byTime + bytes / given.enoughBytes);
    }),
  );
});

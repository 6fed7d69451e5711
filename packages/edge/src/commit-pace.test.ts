import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CommitPace } from './commit-pace.ts';

/** Plays arrivals against a disk that is always free; gives the times of commits, and for each arrival how long it waited. */
function play(
  given: { intervalMs: number; enoughBytes: number },
  arrivals: { afterMs: number; bytes: number }[],
) {
  const pace = new CommitPace({ ...given, hastens: false });
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

const NAMES = Array.from({ length: 10 }, (_, source) => ({ source }));

interface Sent {
  at: number;
  bytes: number;
  source: number;
  /** Not all that it sent before was told. */
  isAhead: boolean;
  awaited: { doneMs: number | undefined };
}

/** Plays what sources send, some of them without waiting, against a disk that takes `diskMs` for each commit; readings are told in order. */
function playSources(
  given: { intervalMs: number; enoughBytes: number },
  diskMs: number,
  arrivals: { afterMs: number; bytes: number; source: number }[],
) {
  const pace = new CommitPace({ ...given, hastens: true });
  const sent: Sent[] = [];
  const commits: { at: number; readings: Sent[]; isHastened: boolean }[] = [];
  let gathered: Sent[] = [];
  let now = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  const tell = (until: number): void => {
    for (const { at, readings } of commits)
      if (at + diskMs <= until) for (const one of readings) one.awaited.doneMs ??= at + diskMs;
  };
  const commit = (at: number, isHastened: boolean): void => {
    pace.committed(at);
    commits.push({ at, readings: gathered, isHastened });
    gathered = [];
    dueAt = Number.POSITIVE_INFINITY;
  };
  for (const { afterMs, bytes, source } of arrivals) {
    now += afterMs;
    if (dueAt <= now) {
      tell(dueAt);
      commit(dueAt, false);
    }
    tell(now);
    const isAhead = sent.some((each) => each.source === source && each.awaited.doneMs === undefined);
    const one = { at: now, bytes, source, isAhead, awaited: { doneMs: undefined } };
    pace.took(NAMES[source], one.awaited, now);
    sent.push(one);
    gathered.push(one);
    const total = gathered.reduce((sum, each) => sum + each.bytes, 0);
    const lastAt = commits.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    const waitMs = pace.waitMs(total, now);
    const isHastened = waitMs === 0 && total < given.enoughBytes && now < lastAt + given.intervalMs;
    if (isHastened) expect(mayAdd(sent, gathered, now - given.intervalMs)).toEqual([]);
    dueAt = Math.min(dueAt, now + waitMs);
    if (dueAt <= now) commit(now, isHastened);
  }
  if (gathered.length > 0) commit(dueAt, false);
  return { commits, sent };
}

/** Who was heard or told since then and may send more now: it has nothing in the commit, or sends without being told. */
function mayAdd(sent: readonly Sent[], gathered: readonly Sent[], sinceMs: number): number[] {
  const isLate = ({ at, awaited: { doneMs = Number.POSITIVE_INFINITY } }: Sent) =>
    Math.max(at, doneMs) > sinceMs;
  const lately = new Set(sent.filter(isLate).map(({ source }) => source));
  const waiting = new Map(gathered.map(({ source, isAhead }) => [source, !isAhead]));
  return [...lately].filter((source) => waiting.get(source) !== true);
}

const sources = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 20 }),
    bytes: fc.integer({ min: 1, max: 100 }),
    source: fc.integer({ min: 0, max: 9 }),
  }),
  { minLength: 1, maxLength: 200 },
);
const balanced = { intervalMs: 8, enoughBytes: 2048 };

test('hastened, a commit is made early only when nobody heard lately can add to it, and nobody waits longer than before', () => {
  fc.assert(
    fc.property(pacing, fc.integer({ min: 0, max: 30 }), sources, (given, diskMs, all) => {
      const { commits } = playSources(given, diskMs, all);
      const waits = commits.flatMap(({ at, readings }) => readings.map((one) => at - one.at));
      expect(waits).toHaveLength(all.length);
      expect(Math.max(...waits)).toBeLessThanOrEqual(given.intervalMs);
    }),
  );
});

/** Clients that send when they were told, at once. Gives for each commit when it was made and how long its readings had waited. */
function playClosedLoop(clients: number, diskMs: number, untilMs: number) {
  const pace = new CommitPace({ ...balanced, hastens: true });
  const waiting: ({ doneMs: number | undefined; sentAt: number } | undefined)[] =
    Array(clients).fill(undefined);
  const commits: { at: number; waits: number[]; readings: { doneMs: number | undefined }[] }[] = [];
  let gathered: { doneMs: number | undefined; sentAt: number }[] = [];
  let dueAt = Number.POSITIVE_INFINITY;
  for (let now = 0; now < untilMs; now++) {
    for (const { at, readings } of commits)
      if (at + diskMs === now) for (const one of readings) one.doneMs = now;
    for (let client = 0; client < clients; client++) {
      const before = waiting[client];
      if (before !== undefined && before.doneMs === undefined) continue;
      const one = { doneMs: undefined, sentAt: now };
      waiting[client] = one;
      pace.took(NAMES[client], one, now);
      gathered.push(one);
      dueAt = Math.min(dueAt, now + pace.waitMs(10 * gathered.length, now));
      if (dueAt > now) continue;
      pace.committed(now);
      commits.push({ at: now, waits: gathered.map(({ sentAt }) => now - sentAt), readings: gathered });
      gathered = [];
      dueAt = Number.POSITIVE_INFINITY;
    }
  }
  return commits;
}

test('clients that send one message after the other never wait for the interval: the last of them to send makes the commit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 5 }), (clients, diskMs) => {
      const commits = playClosedLoop(clients, diskMs, 200);
      const settled = commits.filter(({ at }) => at > 2 * balanced.intervalMs);
      for (const { waits } of settled) expect(waits).toEqual(Array(clients).fill(0));
      expect(settled.length).toBeGreaterThanOrEqual(Math.floor((200 - 2 * balanced.intervalMs) / diskMs) - 1);
    }),
  );
});

test('one who sends on without being told has no more commits than without haste', () => {
  const all = Array.from({ length: 1000 }, () => ({ afterMs: 1, bytes: 10, source: 0 }));
  const { commits } = playSources(balanced, 3, all);
  expect(commits.length).toBeLessThanOrEqual(1000 / balanced.intervalMs + 3);
});

test('ten devices at a hundred readings a second each, evenly spread, share their commits: only the last millisecond of the interval may be saved', () => {
  const all = Array.from({ length: 1000 }, (_, i) => ({ afterMs: 1, bytes: 100, source: i % 10 }));
  const { commits } = playSources(balanced, 2, all);
  expect(commits.length).toBeLessThanOrEqual(1000 / (balanced.intervalMs - 1) + 3);
});

test('ten devices that each send every 10 ms share the commits of an interval of 16 ms: none is made because all have sent by then', () => {
  const all = Array.from({ length: 1000 }, (_, i) => ({ afterMs: 1, bytes: 100, source: i % 10 }));
  for (const diskMs of [0, 1, 2]) {
    const { commits } = playSources({ intervalMs: 16, enoughBytes: 4096 }, diskMs, all);
    expect(commits.length).toBeLessThanOrEqual(1000 / 15 + 3);
  }
});

test('one who sends within half the interval of being told has waited for it, one who sends later has not', () => {
  const after = (gapMs: number) => {
    const pace = new CommitPace({ ...balanced, hastens: true });
    const source = {};
    pace.took(source, { doneMs: 102 }, 100);
    pace.committed(100);
    pace.took(source, { doneMs: undefined }, 102 + gapMs);
    return pace.waitMs(10, 102 + gapMs);
  };
  expect([0, 4, 5].map(after)).toEqual([0, 0, 1]);
});

test('a source that nobody tells, as a serial line, is always taken to send more', () => {
  const pace = new CommitPace({ ...balanced, hastens: true });
  pace.committed(100);
  pace.took({}, { doneMs: undefined }, 101);
  expect(pace.waitMs(10, 101)).toBe(0);
  pace.took(undefined, { doneMs: undefined }, 102);
  expect(pace.waitMs(20, 102)).toBe(6);
});

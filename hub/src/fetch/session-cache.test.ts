import { ErrorCode } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { AskedPartition, PartitionAnswer } from './session.ts';
import { type FetchContext, FetchSessionCache, type SessionRequest } from './session-cache.ts';

const SLOTS = 3;
const EVICTION_MS = 1000;
const nothing: PartitionAnswer = { errorCode: 0, highWatermark: 5, logStartOffset: 0, records: [] };

function cacheOf(partitionsMax = 1000) {
  let id = 0;
  return new FetchSessionCache({ slotsMax: SLOTS, partitionsMax, evictionMs: EVICTION_MS }, () => ++id);
}

function partitions(count: number, topic = 't'): AskedPartition[] {
  return Array.from({ length: count }, (_, index) => ({
    topic,
    topicId: topic,
    index,
    fetchOffset: 0,
    maxBytes: 100,
    leaderEpoch: -1,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
  }));
}

function request(session: Partial<SessionRequest>): SessionRequest {
  const none = { sessionId: 0, sessionEpoch: 0, isFollower: false, usesTopicIds: false, reader: '' };
  return { ...none, asked: [], forgotten: [], ...session };
}

function open(cache: FetchSessionCache, size: number, nowMs: number, isFollower = false): number {
  const context = cache.begin(request({ asked: partitions(size), isFollower }), nowMs) as FetchContext;
  return context.respond(
    context.asked.map(() => nothing),
    nowMs,
  ).sessionId;
}

function step(
  cache: FetchSessionCache,
  sessionId: number,
  sessionEpoch: number,
  more: Partial<SessionRequest> = {},
) {
  return cache.begin(request({ sessionId, sessionEpoch, ...more }), 0);
}

describe('a session', () => {
  test('begins with 0, goes on with 1, 2, …, and refuses a request out of step', () => {
    const cache = cacheOf();
    const id = open(cache, 2, 0);
    expect(id).toBeGreaterThan(0);
    const first = step(cache, id, 1) as FetchContext;
    expect(first.respond([nothing, nothing], 0)).toEqual({ errorCode: 0, sessionId: id, told: [] });
    expect(step(cache, id, 1)).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
    expect(step(cache, id, 3)).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
    expect(typeof step(cache, id, 2)).toBe('object');
    expect(step(cache, id + 1, 1)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
  });

  test('ends with epoch −1, with a new full request, and when its last partition is forgotten', () => {
    const cache = cacheOf();
    const closed = open(cache, 2, 0);
    const answer = step(cache, closed, -1) as FetchContext;
    expect(answer.respond([], 0)).toEqual({ errorCode: 0, sessionId: 0, told: undefined });
    expect(step(cache, closed, 1)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);

    const replaced = open(cache, 2, 0);
    step(cache, replaced, 0, { asked: partitions(1) });
    expect(step(cache, replaced, 1)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);

    const emptied = open(cache, 2, 0);
    const empty = step(cache, emptied, 1, { forgotten: partitions(2) }) as FetchContext;
    expect(empty.asked).toEqual([]);
    expect(empty.respond([], 0)).toEqual({ errorCode: 0, sessionId: 0, told: undefined });
    expect([cache.sessionCount, cache.partitionCount]).toEqual([0, 0]);
  });

  test('that was used by a later request in the meantime does not answer the earlier one', () => {
    const cache = cacheOf();
    const id = open(cache, 2, 0);
    const parked = step(cache, id, 1) as FetchContext;
    step(cache, id, 2, { forgotten: partitions(1) });
    expect(parked.respond([nothing, nothing], 0).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  });

  test('is not continued with names where it began with ids', () => {
    const cache = cacheOf();
    const id = open(cache, 1, 0);
    expect(step(cache, id, 1, { usesTopicIds: true })).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR);
  });

  test('tells a partition again once its error is over', () => {
    const cache = cacheOf();
    const id = open(cache, 1, 0);
    const failed = { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, highWatermark: -1, records: null };
    const told = (epoch: number, answer: PartitionAnswer) =>
      (step(cache, id, epoch) as FetchContext).respond([answer], 0).told;
    expect(told(1, failed)).toEqual([0]);
    expect(told(2, failed)).toEqual([0]);
    expect(told(3, nothing)).toEqual([0]);
    expect(told(4, nothing)).toEqual([]);
  });

  test('reads those first that gave nothing last time', () => {
    const cache = cacheOf();
    const id = open(cache, 3, 0);
    const context = step(cache, id, 1) as FetchContext;
    const full = { ...nothing, records: [0] };
    expect(context.respond([full, full, nothing], 0).told).toEqual([0, 1]);
    const next = step(cache, id, 2) as FetchContext;
    expect(next.asked.map(({ index }) => index)).toEqual([2, 0, 1]);
  });
});

describe('when all slots are taken', () => {
  test('a new session gets none while all others are young', () => {
    const cache = cacheOf();
    for (let i = 0; i < SLOTS; i++) expect(open(cache, 1, 0)).toBeGreaterThan(0);
    expect(open(cache, 100, EVICTION_MS)).toBe(0);
  });

  test('one that is unused for long gives way, the one unused for longest first', () => {
    const cache = cacheOf();
    const ids = [10, 20, 30].map((nowMs) => open(cache, 5, nowMs));
    expect(open(cache, 1, EVICTION_MS + 11)).toBeGreaterThan(0);
    expect(step(cache, ids[0]!, 1)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(typeof step(cache, ids[1]!, 1)).toBe('object');
    expect(cache.evictionCount).toBe(1);
  });

  test('an old one gives way to one with more partitions, not to one with as many', () => {
    const cache = cacheOf();
    const ids = [5, 3, 4].map((size) => open(cache, size, 0));
    const later = EVICTION_MS + 1;
    for (const sessionId of ids) cache.begin(request({ sessionId, sessionEpoch: 1 }), later);
    expect(open(cache, 3, later)).toBe(0);
    expect(open(cache, 4, later)).toBeGreaterThan(0);
    expect(step(cache, ids[1]!, 2)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
  });

  test("a follower's takes the place of any consumer's, never the other way round", () => {
    const cache = cacheOf();
    for (const size of [50, 20, 30]) open(cache, size, 0);
    for (let i = 0; i < SLOTS; i++) expect(open(cache, 1, 0, true)).toBeGreaterThan(0);
    expect(open(cache, 1, 0, true)).toBe(0);
    expect(open(cache, 900, 0)).toBe(0);
  });

  test('partitions are bounded too: no session for too many, and one that grows too large is closed', () => {
    const cache = cacheOf(10);
    expect(open(cache, 11, 0)).toBe(0);
    const id = open(cache, 8, 0);
    expect(open(cache, 3, 0)).toBe(0);
    expect(step(cache, id, 1, { asked: partitions(3, 'more') })).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(cache.partitionCount).toBe(0);
    expect(open(cache, 10, 0)).toBeGreaterThan(0);
  });

  test("consumers' partitions give way to a follower's, which keeps its session when it grows", () => {
    const cache = cacheOf(10);
    const consumer = open(cache, 10, 0);
    const follower = open(cache, 4, 0, true);
    expect(follower).toBeGreaterThan(0);
    expect(step(cache, consumer, 1)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(open(cache, 6, 0)).toBeGreaterThan(0);
    expect(typeof step(cache, follower, 1, { asked: partitions(3, 'more') })).toBe('object');
    expect(cache.partitionCount).toBe(7);
    expect(open(cache, 11, 0, true)).toBe(0);
  });
});

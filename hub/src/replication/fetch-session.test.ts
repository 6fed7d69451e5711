import type { PartitionLog } from '@edgelog/log';
import {
  apis,
  decodeRequest,
  decodeRequestHeader,
  encodeRequest,
  type RequestInput,
  type RequestOf,
} from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FetchContext, FetchSessionCache } from '../fetch/session-cache.ts';
import { FollowerSession } from './fetch-session.ts';
import type { Followed } from './followed.ts';
import type { Replica } from './replica.ts';

const TOPIC_ID = '11111111-1111-1111-1111-111111111111';

/** A partition that is followed, whose log ends anywhere. */
function followed(index: number): { entry: Followed; log: { logEndOffset: number } } {
  const log = { logEndOffset: 0, logStartOffset: 0, producersThrough: 0, leaderEpochs: { epochAt: () => 1 } };
  const replica = { topicId: TOPIC_ID, partition: { index }, log: log as unknown as PartitionLog } as Replica;
  const entry = { replica, leaderEpoch: 1, sent: undefined, retryAt: 0, lacksProducers: false };
  return { entry, log };
}

/** As the leader reads it. */
function asked(request: RequestOf<'fetch'>) {
  return request.topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map(({ partition, currentLeaderEpoch, partitionMaxBytes, ...one }) => ({
      topic,
      topicId,
      index: partition,
      leaderEpoch: currentLeaderEpoch,
      maxBytes: partitionMaxBytes,
      ...one,
    })),
  );
}

test('whatever is followed, left and appended, leader and follower agree on partitions and positions', () => {
  const step = fc.record({
    follow: fc.subarray([0, 1, 2, 3, 4]),
    renewed: fc.subarray([0, 1, 2, 3, 4]),
    appended: fc.subarray([0, 1, 2, 3, 4]),
    isReset: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let lastId = 0;
      const cache = new FetchSessionCache(
        { slotsMax: 2, partitionsMax: 100, evictionMs: 1_000 },
        () => ++lastId,
      );
      const session = new FollowerSession();
      const partitions = [0, 1, 2, 3, 4].map(followed);
      const wanted: Followed[] = [];
      let followedNow: number[] = [];
      for (const { follow, renewed, appended, isReset } of steps) {
        if (isReset) session.reset();
        for (const index of renewed)
          partitions[index]!.entry = { ...partitions[index]!.entry, sent: undefined };
        for (const index of appended) {
          partitions[index]!.log.logEndOffset += 1;
          if (session.wants(partitions[index]!.entry)) session.want(partitions[index]!.entry);
        }
        for (const index of followedNow) if (!follow.includes(index)) session.unwant(wanted[index]!);
        for (const index of follow) {
          if (session.wants(partitions[index]!.entry)) continue;
          wanted[index] = partitions[index]!.entry;
          session.want(wanted[index]);
        }
        followedNow = follow;
        expect(session.size).toBe(follow.length);
        if (follow.length === 0) {
          session.reset();
          continue;
        }
        const body: RequestInput<'fetch'> = session.next({ replicaId: 2, replicaEpoch: 9 }, 100);
        const frame = encodeRequest(apis.fetch, 18, { correlationId: 1, clientId: null }, body).subarray(4);
        const request = decodeRequest(apis.fetch, 18, frame, decodeRequestHeader(frame).bodyAt);
        const context = cache.begin(
          {
            sessionId: request.sessionId,
            sessionEpoch: request.sessionEpoch,
            isFollower: true,
            usesTopicIds: true,
            reader: '',
            asked: asked(request),
            forgotten: request.forgottenTopicsData.flatMap(({ topicId, partitions: gone }) =>
              gone.map((index) => ({ topic: '', topicId, index })),
            ),
          },
          0,
        ) as FetchContext;
        expect(typeof context).toBe('object');
        const positions = context.asked.map(({ index, fetchOffset }) => [index, fetchOffset] as const);
        expect(new Map(positions)).toEqual(
          new Map(follow.map((index) => [index, partitions[index]!.log.logEndOffset])),
        );
        const { sessionId } = context.respond(
          context.asked.map(() => undefined),
          0,
        );
        session.answered(sessionId);
      }
    }),
  );
});

test('where the leader has no session to give, its answer counts and the next request tells all again', () => {
  const session = new FollowerSession();
  const { entry } = followed(0);
  session.want(entry);
  const replicaState = { replicaId: 2, replicaEpoch: 9 };
  for (let i = 0; i < 2; i++) {
    const { sessionId, sessionEpoch, topics } = session.next(replicaState, 100);
    expect({ sessionId, sessionEpoch, topics }).toMatchObject({
      sessionId: 0,
      sessionEpoch: 0,
      topics: [{ topicId: TOPIC_ID }],
    });
    session.answered(0);
    expect(entry.sent).toMatchObject({ offset: 0 });
  }
});

import { ZERO_UUID } from '@edgelog/wire';
import { batchOf } from '../../../hub/test/support/batches.ts';
import { sleep } from '../../harness/wait.ts';
import { Peer } from '../peer.ts';
import { type Scenario, versionsOf } from '../scenario.ts';
import { filled, T0, UNKNOWN_ID } from './filled-topic.ts';

const fetchRequests: Scenario = {
  name: 'fetch: requests without a session',
  deliberate: [
    [/limit -1|isolation 7/, "an internal error of Kafka's"],
    [
      /limit of one batch and a half/,
      'batches are whole; Kafka cuts the last one off, and clients throw that away',
    ],
    [/partition twice/, 'answered entry by entry, as it was asked'],
    [/last fetched epoch 7/, 'only followers send it, and a standalone hub has none'],
    [/as replica/, 'a standalone hub has no followers, whoever says to be one is served as a consumer'],
  ],
  async run(peer, see) {
    const { topic, topicId } = await filled(peer, 'fetch', 2);
    const base = { maxWaitMs: 10, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0 };
    const one = (over: object, name = topic, id = topicId) => ({
      topic: name,
      topicId: id,
      partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, ...over }],
    });
    for (const version of versionsOf('fetch')) {
      const ask = async (label: string, over: object, topics: object[]) =>
        see(`v${version} ${label}`, await peer.ask('fetch', version, { ...base, ...over, topics } as never));
      await ask('from 0', {}, [one({})]);
      await ask('from 3', {}, [one({ fetchOffset: 3 })]);
      await ask('at the end', {}, [one({ fetchOffset: 6 })]);
      await ask('beyond the end', {}, [one({ fetchOffset: 7 })]);
      await ask('from -1', {}, [one({ fetchOffset: -1 })]);
      await ask('nothing', {}, []);
      await ask('partition -1', {}, [one({ partition: -1 })]);
      await ask('partition 2 of 2', {}, [one({ partition: 2 })]);
      await ask('partition limit 0', {}, [one({ partitionMaxBytes: 0 })]);
      await ask('partition limit -1', {}, [one({ partitionMaxBytes: -1 })]);
      await ask('limit 0', { maxBytes: 0 }, [one({})]);
      await ask('limit 1', { maxBytes: 1 }, [one({})]);
      await ask('limit of one batch and a half', { maxBytes: 120 }, [one({})]);
      await ask('limit -1', { maxBytes: -1 }, [one({})]);
      await ask('negative wait', { maxWaitMs: -1, minBytes: 1 }, [one({ fetchOffset: 6 })]);
      await ask('more than there is', { minBytes: 1_000_000 }, [one({})]);
      await ask('read committed', { isolationLevel: 1 }, [one({})]);
      await ask('isolation 7', { isolationLevel: 7 }, [one({})]);
      await ask('partition twice', {}, [one({}), one({ fetchOffset: 3 })]);
      if (version < 13) {
        await ask('unknown topic', {}, [one({}, 'nowhere'), one({})]);
        await ask('empty name', {}, [one({}, '')]);
      } else {
        await ask('unknown id', {}, [one({}, '', UNKNOWN_ID), one({})]);
        await ask('zero id', {}, [one({}, '', ZERO_UUID)]);
      }
      if (version < 9) continue;
      await ask('epoch 0', {}, [one({ currentLeaderEpoch: 0 })]);
      await ask('epoch 1', {}, [one({ currentLeaderEpoch: 1 })]);
      await ask('epoch -2', {}, [one({ currentLeaderEpoch: -2 })]);
      if (version < 12) continue;
      await ask('last fetched epoch 0', {}, [one({ fetchOffset: 3, lastFetchedEpoch: 0 })]);
      await ask('last fetched epoch 7', {}, [one({ fetchOffset: 3, lastFetchedEpoch: 7 })]);
      await ask('another cluster', { clusterId: 'another' }, [one({})]);
    }
    see('as replica 5', await peer.ask('fetch', 11, { ...base, replicaId: 5, topics: [one({})] } as never));
    see('as replica 1', await peer.ask('fetch', 11, { ...base, replicaId: 1, topics: [one({})] } as never));
    see('as debugger', await peer.ask('fetch', 11, { ...base, replicaId: -2, topics: [one({})] } as never));
  },
};

const fetchSessions: Scenario = {
  name: 'fetch: sessions',
  deliberate: [
    [/small limit/, 'batches are whole; Kafka cuts the last one off, and clients throw that away'],
  ],
  async run(peer, see) {
    const { topic, topicId } = await filled(peer, 'sessions', 3);
    const other = await filled(peer, 'sessions-other');
    const base = { maxWaitMs: 10, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0 };
    const at = (partition: number, fetchOffset: number, over: object = {}) => ({
      topic,
      topicId,
      partitions: [{ partition, fetchOffset, partitionMaxBytes: 1_000_000, ...over }],
    });
    for (const version of [7, 11, 12, 13, 16, 18]) {
      let sessionId = 0;
      const ask = async (label: string, sessionEpoch: number, topics: object[], over: object = {}) => {
        const body = { ...base, sessionId, sessionEpoch, topics, ...over } as never;
        const response = await peer.ask('fetch', version, body);
        see(`v${version} ${label}`, [
          response,
          response?.sessionId === 0
            ? 'no session'
            : response?.sessionId === sessionId
              ? 'same'
              : 'new session',
        ]);
        return response;
      };
      const begun = await ask('begins', 0, [at(0, 0), at(1, 0)]);
      sessionId = begun!.sessionId;
      await ask('nothing new but records', 1, []);
      await ask('wrong epoch', 1, []);
      await ask('goes on', 2, [at(0, 6)]);
      await ask('quiet', 3, []);
      await ask('one more partition', 4, [at(2, 0)]);
      await ask('forgets one', 5, [], { forgottenTopicsData: [{ topic, topicId, partitions: [2] }] });
      await ask('forgets what it has not', 6, [], {
        forgottenTopicsData: [{ topic: 'nowhere', topicId: UNKNOWN_ID, partitions: [9] }],
      });
      await ask('adds a partition that is not', 7, [at(9, 0)]);
      await ask('and is told again', 8, []);
      await ask('moves out of range', 9, [at(0, 99)]);
      await ask('still out of range', 10, []);
      await ask('back in range', 11, [at(0, 6)]);
      await ask('forgets and adds the same', 12, [at(1, 0)], {
        forgottenTopicsData: [{ topic, topicId, partitions: [1] }],
      });
      await ask('forgets all', 13, [], {
        forgottenTopicsData: [{ topic, topicId, partitions: [0, 1, 2, 9] }],
      });
      await ask('after all were forgotten', 14, []);
      await ask('unknown session', 1, [], { sessionId: 12345 });
      await ask('session 0 goes on', 1, [], { sessionId: 0 });
      await ask('epoch -2', -2, [], { sessionId: 0 });
      const again = await ask('begins again', 0, [at(0, 0)], { sessionId: 0 });
      sessionId = again!.sessionId;
      await ask('epoch 0 in the session', 0, [at(0, 6)]);
      await ask('the old one', 1, []);
      await ask('ends one that is not', -1, [at(0, 6)]);
      await ask('without a session', -1, [at(0, 6)], { sessionId: 0 });
      await ask('begins with nothing', 0, [], { sessionId: 0 });
    }
    const begin = (version: number) =>
      peer.must('fetch', version, { ...base, sessionId: 0, sessionEpoch: 0, topics: [at(0, 6)] } as never);
    const named = await begin(12);
    see(
      'names, then ids',
      await peer.ask('fetch', 13, {
        ...base,
        sessionId: named.sessionId,
        sessionEpoch: 1,
        topics: [],
      } as never),
    );
    see(
      'names after that',
      await peer.ask('fetch', 12, {
        ...base,
        sessionId: named.sessionId,
        sessionEpoch: 1,
        topics: [],
      } as never),
    );
    const byId = await begin(13);
    see(
      'ids, then names',
      await peer.ask('fetch', 12, {
        ...base,
        sessionId: byId.sessionId,
        sessionEpoch: 1,
        topics: [],
      } as never),
    );
    const closing = await begin(13);
    see(
      'closed',
      await peer.ask('fetch', 13, {
        ...base,
        sessionId: closing.sessionId,
        sessionEpoch: -1,
        topics: [],
      } as never),
    );
    see(
      'used after close',
      await peer.ask('fetch', 13, {
        ...base,
        sessionId: closing.sessionId,
        sessionEpoch: 1,
        topics: [],
      } as never),
    );
    const across = {
      ...base,
      maxBytes: 100,
      sessionId: 0,
      sessionEpoch: 0,
      topics: [at(0, 0), { ...at(0, 0), topic: other.topic, topicId: other.topicId }],
    };
    see('small limit over two topics', await peer.ask('fetch', 12, across as never));
  },
};

const MADE_AGAIN_MS = 100;

const madeAgain: Scenario = {
  name: 'fetch: a topic that is deleted and made again under a session',
  async run(peer, see) {
    const name = `${peer.prefix}again`;
    const topicId = await peer.topic(name);
    const base = { maxWaitMs: MADE_AGAIN_MS, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0 };
    const topics = [
      { topic: name, topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }] },
    ];
    const byId = await peer.must('fetch', 13, { ...base, sessionId: 0, sessionEpoch: 0, topics } as never);
    const byName = await peer.must('fetch', 12, { ...base, sessionId: 0, sessionEpoch: 0, topics } as never);
    await peer.must('deleteTopics', 6, { topics: [{ name, topicId: ZERO_UUID }], timeoutMs: 5000 } as never);
    await peer.gone(name);
    const next = (version: number, { sessionId }: { sessionId: number }, sessionEpoch: number) =>
      peer.ask('fetch', version, { ...base, sessionId, sessionEpoch, topics: [] } as never);
    see('by id, deleted', await next(13, byId, 1));
    see('by name, deleted', await next(12, byName, 1));
    await peer.topic(name);
    see('by id, made again', await next(13, byId, 2));
    see('by name, made again', await next(12, byName, 2));
    see(
      'by the old id',
      await peer.ask('fetch', 13, { ...base, sessionId: 0, sessionEpoch: -1, topics } as never),
    );
  },
};

/** Time for a fetch to be parked; a broker that had not begun it by then would answer the same, only sooner. */
const PARK_MS = 200;

const parked: Scenario = {
  name: 'fetch: what a parked one is answered when something changes',
  deliberate: [[/topic deleted/, 'told at once; Kafka answers as if it were still there']],
  async run(peer, see) {
    const other = new Peer(peer.port, `${peer.prefix}other-`);
    const whileParked = async (label: string, over: object, change: (topic: string) => Promise<unknown>) => {
      const { topic } = await filled(peer, label.replaceAll(' ', '-'), 2);
      const at = (partition: number, fetchOffset: number) => ({
        partition,
        fetchOffset,
        partitionMaxBytes: 1_000_000,
      });
      const topics = [{ topic, partitions: [at(0, 6), at(1, 0)] }];
      const asked = {
        maxWaitMs: 1_500,
        minBytes: 1,
        maxBytes: 1_000_000,
        isolationLevel: 0,
        topics,
        ...over,
      };
      const answer = peer.ask('fetch', 11, asked as never);
      await sleep(PARK_MS);
      await change(topic);
      see(label, await answer);
    };
    const append = (topic: string) => other.produce(topic, batchOf(['new'], { timestamp: T0 }));
    await whileParked('nothing', {}, async () => {});
    await whileParked('a record', {}, append);
    await whileParked('fewer bytes than wanted', { minBytes: 1_000 }, append);
    await whileParked('records deleted', {}, (topic) =>
      other.ask('deleteRecords', 2, {
        timeoutMs: 5_000,
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 4 }] }],
      }),
    );
    await whileParked('partitions added', {}, (topic) =>
      other.ask('createPartitions', 3, {
        timeoutMs: 5_000,
        validateOnly: false,
        topics: [{ name: topic, count: 4, assignments: null }],
      }),
    );
    await whileParked('topic deleted', {}, (topic) =>
      other.ask('deleteTopics', 6, { timeoutMs: 5_000, topics: [{ name: topic, topicId: ZERO_UUID }] }),
    );
    other.close();
  },
};

export const fetchScenarios = [fetchRequests, fetchSessions, madeAgain, parked];

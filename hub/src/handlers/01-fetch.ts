import { ErrorCode, type RequestOf, readBatchHeader } from '@edgelog/wire';
import { findPartition } from '../fetch/find-partition.ts';
import { FetchNews, parkFetch } from '../fetch/parked-fetch.ts';
import type { Expected } from '../fetch/read-ahead.ts';
import { type PartitionItem, readPartitions } from '../fetch/read-partitions.ts';
import { followerReader, LEADERS_CONSUMER, type Reader, rackReader } from '../fetch/reader.ts';
import type { AskedPartition, ForgottenPartition } from '../fetch/session.ts';
import type { FetchContext } from '../fetch/session-cache.ts';
import { LeaderHints } from '../partition/leader-hints.ts';
import type { Partition } from '../partition/partition.ts';
import type { Handler, RequestContext } from './handler.ts';

/** Kafka's `fetch.max.bytes` of a broker: the most one response holds, its first batch apart. */
const RESPONSE_BYTES_MAX = 55 * 1024 * 1024;
/** What a follower is given at once, whatever consumers have not taken of their responses: else they would part the brokers. */
const FOLLOWER_BYTES_MIN = 4 * 1024 * 1024;

/**
 * Fetch: batches below the high watermark, as they are stored. When there are fewer bytes than `minBytes` the request is
 * parked until there are, or `maxWaitMs` is over, or a partition asked for has an error to tell.
 *
 * From 7 on a request may belong to a session [KIP-227], which is the list of partitions that it continues; from 13 on
 * topics are named by id.
 *
 * A follower is given all that is on the leader's disk; its positions say what is on its own. It is answered too when the high
 * watermark has moved. A consumer that says where it stands may read from any replica in sync, and is sent to one near it [KIP-392].
 *
 * Otherwise than Kafka, on purpose: batches are whole, where Kafka cuts the last one off at the limit; limits below 0 are 0; an
 * isolation level above 1 is read_committed; at a standalone broker whoever says to be a replica is served as a consumer; a topic
 * that is deleted under a parked fetch is told at once.
 *
 * Left out: read_committed equals read_uncommitted while there are no transactions.
 */
export const fetch: Handler<'fetch'> = (request, context) => {
  const { broker, fetchSessions, apiVersion, client } = context;
  const usesTopicIds = apiVersion >= 13;
  const session = fetchSessions.begin(
    {
      sessionId: request.sessionId,
      sessionEpoch: request.sessionEpoch,
      isFollower: Math.max(request.replicaId, request.replicaState.replicaId) >= 0,
      usesTopicIds,
      reader: readerName(request),
      asked: askedIn(request),
      forgotten: forgottenIn(request),
    },
    performance.now(),
  );
  if (typeof session === 'number') return { errorCode: session, sessionId: 0, responses: [] };
  const find = (asked: AskedPartition) => findPartition(asked, broker.topics, usesTopicIds);
  const found = session.asked.map(find);
  session.whenStirred.add((i) => {
    found[i] = find(session.asked[i]!);
  });
  const reader = readerOf(request, session, found, context);
  const answer = () => respond(request, session, found, reader, context);
  const minBytes = Math.min(request.minBytes, request.maxBytes, RESPONSE_BYTES_MAX);
  const wanted = { session, found, minBytes, reader };
  const news = new FetchNews(wanted);
  if (request.maxWaitMs <= 0 || news.ofAll() === 'now') return answer();
  return parkFetch(wanted, news, request.maxWaitMs, client).then((isClientThere) =>
    isClientThere ? answer() : undefined,
  );
};

/** On whose behalf a request reads, such that it is another name whenever that is somebody else. */
function readerName({ replicaState: { replicaId, replicaEpoch }, rackId }: RequestOf<'fetch'>): string {
  return `${replicaId}/${replicaEpoch}/${rackId}`;
}

function readerOf(
  { replicaState: { replicaId, replicaEpoch }, rackId }: RequestOf<'fetch'>,
  { asked, told }: FetchContext,
  found: readonly (Partition | number)[],
  { broker, client }: RequestContext,
): Reader {
  if (replicaId >= 0 && broker.settings.etcd.length > 0)
    return followerReader({ follower: replicaId, brokerEpoch: replicaEpoch }, asked, found, told);
  if (rackId === '') return LEADERS_CONSUMER;
  return rackReader(rackId, broker.cluster, { nodeId: broker.nodeId, local: client.local });
}

function askedIn({ topics }: RequestOf<'fetch'>): AskedPartition[] {
  const asked: AskedPartition[] = [];
  for (const { topic, topicId, partitions } of topics) {
    for (const one of partitions) {
      const { partition: index, fetchOffset, lastFetchedEpoch, logStartOffset } = one;
      const { partitionMaxBytes: maxBytes, currentLeaderEpoch: leaderEpoch } = one;
      asked.push({
        topic,
        topicId,
        index,
        fetchOffset,
        maxBytes,
        leaderEpoch,
        lastFetchedEpoch,
        logStartOffset,
      });
    }
  }
  return asked;
}

function forgottenIn({ forgottenTopicsData }: RequestOf<'fetch'>): ForgottenPartition[] {
  return forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((index) => ({ topic, topicId, index })),
  );
}

function respond(
  { maxBytes, isolationLevel }: RequestOf<'fetch'>,
  session: FetchContext,
  found: readonly (Partition | number)[],
  reader: Reader,
  context: RequestContext,
) {
  const { broker, client, apiVersion, readAhead, responseMemory } = context;
  const roomBytes = Math.max(broker.responses.remainingBytes, reader.readsUnflushed ? FOLLOWER_BYTES_MIN : 0);
  const limits = {
    maxBytes: Math.min(maxBytes, RESPONSE_BYTES_MAX, roomBytes),
    isReadCommitted: isolationLevel !== 0,
    reader,
    memory: (sizeBytes: number) => responseMemory.take(sizeBytes),
    ahead: (expected: Expected, atLeastOne: boolean) =>
      reader.readsAhead ? readAhead.take(client, expected, atLeastOne) : undefined,
  };
  const { asked } = session;
  const answers = readPartitions(asked, found, limits);
  if (reader.readsAhead) readAhead.begin(client, expectedAfter(asked, found, answers), responseMemory);
  const nodeEndpoints = apiVersion >= 16 ? tellLeaders(found, answers, context) : undefined;
  const { errorCode, sessionId, told } = session.respond(answers, performance.now());
  layToRest(session, found, answers, reader);
  const items = told ?? answers.keys();
  return {
    errorCode,
    sessionId,
    responses: byTopic(asked, answers, items),
    ...(nodeEndpoints && { nodeEndpoints }),
  };
}

/** What has nothing more to tell is not looked at again until it has. */
function layToRest(
  session: FetchContext,
  found: readonly (Partition | number)[],
  answers: readonly unknown[],
  reader: Reader,
): void {
  if (reader.rest === undefined) return;
  for (let i = 0; i < answers.length; i++) {
    const partition = found[i]!;
    if (typeof partition === 'number') continue;
    const until = reader.rest(session.asked[i]!, partition, i, session.told[i]!);
    if (until !== undefined) session.rest(i, { partition, ...until });
  }
}

/** Adds who leads where that is what was not found; returns where those brokers are. */
function tellLeaders(
  found: readonly (Partition | number)[],
  answers: readonly (PartitionItem | undefined)[],
  { broker, client }: RequestContext,
) {
  const hints = new LeaderHints(broker.cluster, client.local);
  answers.forEach((answer, i) => {
    const partition = found[i]!;
    if (answer !== undefined && answer.errorCode !== ErrorCode.NONE && typeof partition !== 'number')
      Object.assign(answer, hints.for(partition, answer.errorCode));
  });
  return hints.endpoints;
}

/** Where the client goes on with partitions of which it was given about as much as it takes. */
function expectedAfter(
  asked: readonly AskedPartition[],
  found: readonly (Partition | number)[],
  answers: readonly (PartitionItem | undefined)[],
): Expected[] {
  return answers.flatMap((answer, i): Expected[] => {
    const records = answer?.records;
    const partition = found[i]!;
    const { maxBytes } = asked[i]!;
    const batches = Buffer.isBuffer(records) ? [records] : (records ?? []);
    const last = batches.at(-1);
    const sizeBytes = batches.reduce((sum, { length }) => sum + length, 0);
    if (typeof partition === 'number' || last === undefined || 2 * sizeBytes < maxBytes) return [];
    return [{ partition, offset: readBatchHeader(last).lastOffset + 1, maxBytes }];
  });
}

/** Partitions of one topic that follow each other become one entry. */
function byTopic(
  asked: readonly AskedPartition[],
  answers: readonly (PartitionItem | undefined)[],
  indexes: Iterable<number>,
) {
  const responses: { topic: string; topicId: string; partitions: PartitionItem[] }[] = [];
  for (const i of indexes) {
    const { topic, topicId } = asked[i]!;
    let last = responses.at(-1);
    if (last === undefined || last.topic !== topic || last.topicId !== topicId) {
      last = { topic, topicId, partitions: [] };
      responses.push(last);
    }
    last.partitions.push(answers[i]!);
  }
  return responses;
}

import { EdgelogError } from '@edgelog/base';
import { ErrorCode, type RequestOf } from '@edgelog/wire';
import { leaderEpochError } from '../partition/leader-epoch.ts';
import { isFetchReady, parkFetch, type Wanted } from '../partition/parked-fetch.ts';
import type { Partition } from '../partition/partition.ts';
import type { Handler, Item, RequestContext } from './handler.ts';

/** Kafka's `fetch.max.bytes` of a broker: the most one response holds, its first batch apart. */
const RESPONSE_BYTES_MAX = 55 * 1024 * 1024;

/**
 * Fetch: batches below the high watermark, as they are stored. When there are fewer bytes than `minBytes` the request is
 * parked until there are, or `maxWaitMs` is over, or a partition asked for has an error to tell.
 *
 * The first batch of the first partition with data is returned whatever the limits [KIP-74]. From 13 on topics are named by
 * id. Sessions [KIP-227] are never opened: `sessionId` 0 in a response is legal and means full requests.
 *
 * Left out: `lastFetchedEpoch` and replica fields, which only followers use; read_committed equals read_uncommitted while
 * there are no transactions.
 */
export const fetch: Handler<'fetch'> = (request, context) => {
  const sessionError = errorOfSession(request);
  if (sessionError !== ErrorCode.NONE) return { errorCode: sessionError, sessionId: 0, responses: [] };
  const asked = locate(request, context);
  if (request.maxWaitMs <= 0 || isFetchReady(asked, request.minBytes)) return read(request, asked, context);
  return parkFetch(asked, request.minBytes, request.maxWaitMs, context.client).then((isClientThere) =>
    isClientThere ? read(request, asked, context) : undefined,
  );
};

interface Asked extends Wanted {
  topic: string;
  topicId: string;
  index: number;
  maxBytes: number;
  leaderEpoch: number;
}

function errorOfSession({ sessionId, sessionEpoch }: RequestOf<'fetch'>): number {
  if (sessionId !== 0) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND;
  return sessionEpoch > 0 ? ErrorCode.INVALID_FETCH_SESSION_EPOCH : ErrorCode.NONE;
}

function locate(request: RequestOf<'fetch'>, { broker, apiVersion }: RequestContext): Asked[] {
  const asked: Asked[] = [];
  for (const { topic: name, topicId, partitions } of request.topics) {
    const topic = apiVersion >= 13 ? broker.topics.byId(topicId) : broker.topics.get(name);
    for (const { partition: index, fetchOffset, partitionMaxBytes, currentLeaderEpoch } of partitions) {
      asked.push({
        topic: name,
        topicId,
        index,
        partition: topic?.partitions[index],
        offset: fetchOffset,
        maxBytes: partitionMaxBytes,
        leaderEpoch: currentLeaderEpoch,
      });
    }
  }
  return asked;
}

type TopicItem = Item<'fetch', 'responses'>;
type PartitionItem = TopicItem['partitions'][number];

/** Reads partition after partition until the response is full; the first one with data gives a batch in any case. */
function read(request: RequestOf<'fetch'>, asked: readonly Asked[], { broker, apiVersion }: RequestContext) {
  const responses: { topic: string; topicId: string; partitions: PartitionItem[] }[] = [];
  const abortedTransactions = request.isolationLevel === 0 ? null : [];
  let remaining = Math.min(request.maxBytes, RESPONSE_BYTES_MAX, broker.responses.remainingBytes);
  let isEmpty = true;
  for (const one of asked) {
    let topic = responses.at(-1);
    if (topic === undefined || topic.topic !== one.topic || topic.topicId !== one.topicId) {
      topic = { topic: one.topic, topicId: one.topicId, partitions: [] };
      responses.push(topic);
    }
    topic.partitions.push(readPartition(one));
  }
  return { responses };

  function readPartition(one: Asked): PartitionItem {
    const errorCode = errorOf(one, apiVersion);
    if (errorCode !== ErrorCode.NONE) return withoutRecords(one.index, errorCode, one.partition);
    const { log } = one.partition!;
    const { highWatermark, logStartOffset } = log;
    const maxBytes = Math.max(0, Math.min(one.maxBytes, remaining));
    let records: Buffer[] = [];
    if (one.offset < highWatermark && (isEmpty || maxBytes > 0)) {
      try {
        const result = log.read(one.offset, { maxBytes, atLeastOne: isEmpty, endOffset: highWatermark });
        records = result.batches;
        remaining -= result.sizeBytes;
        if (result.sizeBytes > 0) isEmpty = false;
      } catch (error) {
        if (!(error instanceof EdgelogError && error.code === 'CORRUPT_BATCH')) throw error;
        broker.log.error('stored batch cannot be read', { partition: log.name, offset: one.offset, error });
        return withoutRecords(one.index, ErrorCode.CORRUPT_MESSAGE, one.partition);
      }
    }
    return {
      partitionIndex: one.index,
      errorCode,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset,
      abortedTransactions,
      records,
    };
  }
}

function errorOf({ partition, offset, leaderEpoch }: Asked, apiVersion: number): number {
  if (partition === undefined || partition.isClosed) {
    return apiVersion >= 13 && partition === undefined
      ? ErrorCode.UNKNOWN_TOPIC_ID
      : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  }
  const epochError = leaderEpochError(leaderEpoch);
  if (epochError !== ErrorCode.NONE) return epochError;
  const { logStartOffset, logEndOffset } = partition.log;
  return offset < logStartOffset || offset > logEndOffset ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.NONE;
}

function withoutRecords(
  partitionIndex: number,
  errorCode: number,
  partition: Partition | undefined,
): PartitionItem {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1,
    logStartOffset: partition === undefined || partition.isClosed ? -1 : partition.log.logStartOffset,
    abortedTransactions: null,
    records: Buffer.alloc(0),
  };
}

import { EdgelogError } from '@edgelog/base';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  ErrorCode,
  type ErrorName,
  errorCodes,
  type RequestOf,
  readBatchHeader,
  scanRecords,
  stampAppendTime,
} from '@edgelog/wire';
import { type TimestampRules, timestampRules } from '../metadata/timestamp-rules.ts';
import type { Topic } from '../metadata/topics.ts';
import { LeaderHints } from '../partition/leader-hints.ts';
import type { Partition } from '../partition/partition.ts';
import type { Handler, Item, RequestContext } from './handler.ts';

/**
 * Produce: appends one record batch per partition, answers when it is on disk: with acks 1 on the leader's, with acks −1 on those of all
 * replicas in sync, of which there must be enough before and after. Acks 0 gets no response; what would be an error closes the connection,
 * so that the client looks up the metadata again. Versions 0–2 are advertised for librdkafka's sake and never answered.
 * From 7 on zstd is allowed, from 8 on errors carry a message, from 10 on the leader is told to who did not find it, from 13 on topics are
 * named by id.
 *
 * Where a topic has LogAppendTime its batches get the hub's time and a new CRC; elsewhere they are stored as they came.
 *
 * Otherwise than Kafka, on purpose:
 * - Records are not looked at, except that those of a compacted topic need keys: what lies under the producer's own CRC is
 *   stored, even if it cannot be read; limits on timestamps go by the header's first and greatest; `recordErrors` stay empty.
 * - No timestamp is too far ahead unless the topic says so (Kafka: an hour): a device's wrong clock must not cost its data.
 * - A batch that says log append time of itself, or has a producer id without an epoch, is refused: it would need a new CRC.
 * - Two batches for one partition in one request are both appended, where Kafka drops one; a byte after a batch is refused.
 * - A repeat of a batch older than the last five of its producer is acknowledged as one, without an offset; Kafka answers
 *   OUT_OF_ORDER_SEQUENCE_NUMBER, and its own producer then repeats it for ever.
 * - A duplicate's `logAppendTimeMs` is −1 unless the topic has LogAppendTime; Kafka tells the batch's own greatest timestamp.
 *
 * Left out: transactions (TRANSACTIONAL_ID_AUTHORIZATION_FAILED, as InitProducerId answers too), and `timeoutMs` where nothing
 * but the local disk is waited for.
 */
export const produce: Handler<'produce'> = (
  request,
  { broker, apiVersion, client, clientId, nowMs, releaseFrame },
) => {
  const { acks } = request;
  const refusal = refusalOfRequest(request);
  const pending: Pending[] = [];
  const hints = apiVersion >= 10 ? new LeaderHints(broker.cluster, client.local) : undefined;
  const responses = request.topicData.map((topicData) => {
    const topic =
      apiVersion >= 13 ? broker.topics.byId(topicData.topicId) : broker.topics.get(topicData.name);
    const partitionResponses = topicData.partitionData.map(({ index, records }) => {
      const outcome = refusal ?? append(topic, index, records, { apiVersion, nowMs, acks });
      const response: PartitionResponse = outcome.stored
        ? {
            index,
            errorCode: ErrorCode.NONE,
            baseOffset: outcome.baseOffset,
            logAppendTimeMs: outcome.logAppendTimeMs,
            logStartOffset: outcome.logStartOffset,
          }
        : failed(index, outcome.error, outcome.message);
      const partition = topic?.partitions[index];
      if (partition === undefined) return response;
      if (outcome.stored) pending.push({ stored: outcome.stored, partition, response });
      else Object.assign(response, hints?.for(partition, response.errorCode));
      return response;
    });
    return { name: topicData.name, topicId: topicData.topicId, partitionResponses };
  });
  return answer();

  async function answer() {
    let isStored = true;
    const isWaitedFor = acks === ALL && pending.some(isReplicated);
    const deadline = isWaitedFor ? new Deadline(request.timeoutMs) : undefined;
    if (isWaitedFor) broker.store.flushed().then(releaseFrame, ignore);
    // One that fails while an earlier one is waited for is looked at in its turn.
    if (pending.length > 1) for (const { stored } of pending) stored.catch(ignore);
    for (const { stored, partition, response } of pending) {
      const fail = (error: ErrorName, message: string) => {
        isStored = false;
        Object.assign(response, failed(response.index, error, message));
        Object.assign(response, hints?.for(partition, response.errorCode));
      };
      try {
        const error = await (deadline?.limit(stored) ?? stored);
        if (error !== 'NONE') fail(error, errorCodes[error].message);
      } catch (error) {
        fail('KAFKA_STORAGE_ERROR', error instanceof Error ? error.message : String(error));
      }
    }
    deadline?.end();
    if (isStored && !isWaitedFor) releaseFrame();
    if (acks !== 0) return { responses, ...(hints && { nodeEndpoints: hints.endpoints }) };
    for (const { name, partitionResponses } of responses) {
      for (const { index, errorCode, errorMessage } of partitionResponses) {
        if (errorCode === ErrorCode.NONE) continue;
        const where = `${name}-${index} from client ${JSON.stringify(clientId)}`;
        throw new EdgelogError('REFUSED', `produce with acks 0 to ${where} failed: ${errorMessage}`);
      }
    }
    return undefined;
  }
};

type PartitionResponse = { -readonly [K in keyof PartitionItem]: PartitionItem[K] };
type PartitionItem = Item<'produce', 'responses'>['partitionResponses'][number];

/** When all is on disk that the acks ask for: NONE; else why that will not be known. */
type Stored = Promise<ErrorName>;

interface Pending {
  stored: Stored;
  partition: Partition;
  response: PartitionResponse;
}

type Refusal = { stored?: undefined; error: ErrorName; message: string };
interface Appended {
  stored: Stored;
  baseOffset: number;
  /** −1 where the topic keeps the producer's timestamps. */
  logAppendTimeMs: number;
  logStartOffset: number;
}
type Outcome = Refusal | Appended;

const ALL = -1;
const none = (): ErrorName => 'NONE';
/** Each append tells of a failed flush by itself. */
const ignore = (): void => {};

/** Whether others have to answer before it is stored: that may take longer than the client will wait. */
const isReplicated = ({ partition }: Pending): boolean => partition.leadership.replicas.length > 1;

/** When a request has waited for as long as it says. */
class Deadline {
  readonly #over = Promise.withResolvers<ErrorName>();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => this.#over.resolve('REQUEST_TIMED_OUT'), ms);
  }

  limit(stored: Stored): Stored {
    return Promise.race([stored, this.#over.promise]);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const refuse = (error: Refusal['error'], message: string): Refusal => ({ error, message });

function failed(index: number, error: Refusal['error'], message: string): PartitionResponse {
  return { index, errorCode: ErrorCode[error], baseOffset: -1, logStartOffset: -1, errorMessage: message };
}

function refusalOfRequest({ acks, transactionalId }: RequestOf<'produce'>): Refusal | undefined {
  if (acks !== 0 && acks !== 1 && acks !== -1) {
    return refuse('INVALID_REQUIRED_ACKS', `acks ${acks}: 0, 1 and -1 are allowed`);
  }
  if (transactionalId !== null) {
    return refuse('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'this broker has no transactions yet');
  }
  return undefined;
}

function append(
  topic: Topic | undefined,
  index: number,
  records: Buffer | null,
  context: Pick<RequestContext, 'apiVersion' | 'nowMs'> & { acks: number },
): Outcome {
  const { apiVersion, nowMs, acks } = context;
  if (topic === undefined) {
    return apiVersion >= 13
      ? refuse('UNKNOWN_TOPIC_ID', 'no topic has this id')
      : refuse('UNKNOWN_TOPIC_OR_PARTITION', 'no such topic');
  }
  const partition = topic.partitions[index];
  if (partition === undefined) {
    return refuse(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `topic ${topic.name} has ${topic.partitions.length} partitions`,
    );
  }
  if (topic.isInternal) return refuse('INVALID_TOPIC_EXCEPTION', `topic ${topic.name} is the broker's own`);
  const { replication } = partition;
  const cannot =
    replication.leaderRefusal === 'NONE' && acks === ALL
      ? replication.commitRefusal
      : replication.leaderRefusal;
  if (cannot !== 'NONE') return refuse(cannot, errorCodes[cannot].message);
  if (records === null || records.length === 0) {
    return refuse('INVALID_RECORD', 'exactly one record batch per partition is expected, this one has none');
  }
  try {
    const rules = timestampRules(topic);
    let header = readHeader(records);
    if ('error' in header) return header;
    const invalid = checkBatch(header, records, topic, apiVersion) ?? checkTimestamps(header, rules, nowMs);
    if (invalid !== undefined) return invalid;
    if (isCompacted(topic)) {
      const keyless = checkKeys(records, header);
      if (keyless !== undefined) return keyless;
    }
    if (rules.isAppendTime) {
      header = stamped(records, nowMs);
      if ('error' in header) return header;
    }
    const result = partition.append(records, header);
    if (!result.ok) return refuse(result.error, result.message);
    // Of a batch that was sent again long after it was stored the offsets are not known.
    const endOffset = result.lastOffset < 0 ? partition.log.logEndOffset : result.lastOffset + 1;
    return {
      stored: acks === ALL ? replication.committed(endOffset, result.flushed) : result.flushed.then(none),
      baseOffset: result.baseOffset,
      logAppendTimeMs: !rules.isAppendTime ? -1 : result.duplicate ? result.appendTime : nowMs,
      logStartOffset: partition.log.logStartOffset,
    };
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return refuse('KAFKA_STORAGE_ERROR', error.message);
  }
}

const LENGTH_AT = 8;
const MAGIC_AT = 16;

/** Kafka's order of looking: what is cut short is no batch at all, before anything in it counts. */
function readHeader(records: Buffer): BatchHeader | Refusal {
  const magic = records[MAGIC_AT];
  if (magic === 0 || magic === 1) {
    return refuse('INVALID_RECORD', `record format ${magic}: only record batches (format 2) are accepted`);
  }
  const isCutShort =
    records.length < BATCH_HEADER_BYTES || records.readInt32BE(LENGTH_AT) > records.length - LENGTH_AT - 4;
  if (isCutShort) return refuse('INVALID_RECORD', `${records.length} bytes are less than a record batch`);
  return intact(() => readBatchHeader(records));
}

/** The header of the batch once it has the hub's time. */
function stamped(records: Buffer, nowMs: number): BatchHeader | Refusal {
  return intact(() => {
    stampAppendTime(records, nowMs);
    return readBatchHeader(records);
  });
}

function intact(read: () => BatchHeader): BatchHeader | Refusal {
  try {
    return read();
  } catch (error) {
    if (error instanceof EdgelogError) return refuse('CORRUPT_MESSAGE', error.message);
    throw error;
  }
}

function checkBatch(
  header: BatchHeader,
  records: Buffer,
  topic: Topic,
  apiVersion: number,
): Refusal | undefined {
  if (header.sizeBytes !== records.length) {
    const excess = records.length - header.sizeBytes;
    return refuse(
      'INVALID_RECORD',
      `exactly one record batch per partition is expected; ${excess} bytes follow it`,
    );
  }
  if (header.sizeBytes > topic.maxMessageBytes) {
    const limit = `topic ${topic.name} takes up to ${topic.maxMessageBytes} (max.message.bytes)`;
    return refuse('MESSAGE_TOO_LARGE', `the batch has ${header.sizeBytes} bytes, ${limit}`);
  }
  if (header.baseOffset !== 0)
    return refuse('INVALID_RECORD', `base offset ${header.baseOffset} where 0 is expected`);
  if (header.isControl) return refuse('INVALID_RECORD', 'clients may not write control batches');
  if (header.isTransactional)
    return refuse('INVALID_TXN_STATE', 'the batch is transactional, the request is not');
  if (header.timestampType === 'append')
    return refuse('INVALID_TIMESTAMP', 'a producer may not claim log append time');
  if (header.compression === 'zstd' && apiVersion < 7) {
    return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce version 7 or later');
  }
  return undefined;
}

const isCompacted = ({ configs }: Topic): boolean => configs['cleanup.policy']?.includes('compact') === true;

/** Compaction would delete a record that has no key. */
function checkKeys(records: Buffer, header: BatchHeader): Refusal | undefined {
  let index = 0;
  let keyless = -1;
  try {
    scanRecords(records, header, ({ keyFrom }) => {
      if (keyFrom < 0 && keyless < 0) keyless = index;
      index += 1;
    });
  } catch (error) {
    if (error instanceof EdgelogError) return refuse('INVALID_RECORD', error.message);
    throw error;
  }
  return keyless < 0
    ? undefined
    : refuse('INVALID_RECORD', `record ${keyless} has no key, which a compacted topic asks for`);
}

const NO_TIMESTAMP = -1;

function checkTimestamps(header: BatchHeader, rules: TimestampRules, nowMs: number): Refusal | undefined {
  const { baseTimestamp, maxTimestamp } = header;
  if (rules.isAppendTime || maxTimestamp === NO_TIMESTAMP) return undefined;
  if (nowMs - baseTimestamp > rules.beforeMaxMs) {
    const limit = `more than ${rules.beforeMaxMs} ms ago (message.timestamp.before.max.ms)`;
    return refuse('INVALID_TIMESTAMP', `timestamp ${baseTimestamp} is ${limit}`);
  }
  if (maxTimestamp - nowMs > rules.afterMaxMs) {
    const limit = `more than ${rules.afterMaxMs} ms ahead (message.timestamp.after.max.ms)`;
    return refuse('INVALID_TIMESTAMP', `timestamp ${maxTimestamp} is ${limit}`);
  }
  return undefined;
}

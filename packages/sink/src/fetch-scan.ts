import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode, iterateBatches } from '@edgelog/wire';
import type { FoundBatch, Place } from './cluster.ts';

const FETCH_BYTES = 4 * 1024 * 1024;
const LENGTH_AT = 8;
const LENGTH_PREFIX_BYTES = 12;
/** Log start and end as ListOffsets names them. */
export const EARLIEST = -2;
export const LATEST = -1;

/** `SinkCluster.scan` by Fetch. `purpose` names the connection: a scan keeps nobody else waiting. */
export async function fetchScan(
  kafka: KafkaCluster,
  place: Place,
  offset: number,
  visit: (batch: FoundBatch) => boolean,
  purpose: string,
): Promise<number> {
  const { topic, topicId, partition } = place;
  let [at, end] = [offset, Number.POSITIVE_INFINITY];
  while (at < end) {
    const wanted = { partition, fetchOffset: at, partitionMaxBytes: FETCH_BYTES };
    const body = {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: FETCH_BYTES,
      topics: [{ topic, topicId, partitions: [wanted] }],
      forgottenTopicsData: [],
    };
    const answer = await kafka.toLeader(topic, partition, apis.fetch, body, { purpose });
    check(answer.errorCode, `fetch of ${topic}-${partition}`);
    const found = answer.responses[0]?.partitions[0];
    if (found?.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      const start = await listOffset(kafka, place, EARLIEST, purpose);
      if (start <= at) check(found.errorCode, `fetch of ${topic}-${partition} from ${at}`);
      at = start;
      continue;
    }
    check(found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `fetch of ${topic}-${partition}`);
    // What was committed at the first answer; later ones only add to it.
    if (end === Number.POSITIVE_INFINITY) end = found?.highWatermark ?? at;
    const next = visitAll(found?.records ?? Buffer.alloc(0), at, visit);
    if (next.isOver || next.offset === at) return next.offset;
    at = next.offset;
  }
  return at;
}

function visitAll(
  records: Buffer,
  offset: number,
  visit: (batch: FoundBatch) => boolean,
): { offset: number; isOver: boolean } {
  let at = offset;
  for (const { at: from, header } of iterateBatches(wholeBatches(records))) {
    if (header.lastOffset < offset) continue;
    at = header.lastOffset + 1;
    if (!visit({ header, bytes: records.subarray(from, from + header.sizeBytes) }))
      return { offset: at, isOver: true };
  }
  return { offset: at, isOver: false };
}

/** Without the part of a batch that a fetch ends with. */
function wholeBatches(records: Buffer): Buffer {
  let end = 0;
  while (end + LENGTH_PREFIX_BYTES <= records.length) {
    const next = end + LENGTH_PREFIX_BYTES + records.readInt32BE(end + LENGTH_AT);
    if (next > records.length) break;
    end = next;
  }
  return records.subarray(0, end);
}

/** −1: none. */
export async function listOffset(
  kafka: KafkaCluster,
  { topic, partition }: Place,
  timestamp: number,
  purpose: string,
  currentLeaderEpoch = -1,
): Promise<number> {
  const partitions = [{ partitionIndex: partition, currentLeaderEpoch, timestamp }];
  const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions }], timeoutMs: 10_000 };
  const answer = await kafka.toLeader(topic, partition, apis.listOffsets, body, { purpose });
  const found = answer.topics[0]?.partitions[0];
  check(found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `offsets of ${topic}-${partition}`);
  return found?.offset ?? -1;
}

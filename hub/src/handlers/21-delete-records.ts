import { ErrorCode } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { ANY_EPOCH, leaderError } from '../partition/leader-epoch.ts';
import type { Handler, Item } from './handler.ts';

const HIGH_WATERMARK = -1;

/**
 * DeleteRecords: moves the log start of each partition up to an offset; −1 means the high watermark. An offset below the log
 * start changes nothing and is no error. The answer comes when the new start is durable; the space follows when the segments
 * hold nothing else that lives.
 *
 * Refused as in Kafka: the broker's own topics, topics that are compacted and nothing else (POLICY_VIOLATION), and offsets
 * above the high watermark.
 *
 * Otherwise than Kafka, on purpose: followers are not waited for, so `timeoutMs` is left out. They take the new start with their next
 * fetch; where the leader is killed before that, what was deleted can be read again at the next one.
 */
export const deleteRecords: Handler<'deleteRecords'> = (request, { broker }) => {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, offset }) =>
      deleteBelow(broker, name, partitionIndex, offset),
    ),
  }));
  return broker.store.flushed().then(() => ({ topics }));
};

type PartitionItem = Item<'deleteRecords', 'topics'>['partitions'][number];

function deleteBelow(broker: Broker, name: string, partitionIndex: number, asked: number): PartitionItem {
  const refuse = (errorCode: number) => ({ partitionIndex, lowWatermark: -1, errorCode });
  const topic = broker.topics.get(name);
  const partition = topic?.partitions[partitionIndex];
  if (topic === undefined || partition === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  if (topic.isInternal) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION);
  if (topic.configs['cleanup.policy'] === 'compact') return refuse(ErrorCode.POLICY_VIOLATION);
  const leaderRefusal = leaderError(partition, ANY_EPOCH);
  if (leaderRefusal !== ErrorCode.NONE) return refuse(leaderRefusal);
  const { log, highWatermark } = partition;
  const offset = asked === HIGH_WATERMARK ? highWatermark : asked;
  if (offset < 0 || offset > highWatermark) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE);
  const before = log.logStartOffset;
  partition.advanceLogStart(offset);
  const { logStartOffset } = log;
  if (logStartOffset > before)
    broker.log.info('records deleted', { partition: log.name, from: before, to: logStartOffset });
  return { partitionIndex, lowWatermark: logStartOffset, errorCode: ErrorCode.NONE };
}

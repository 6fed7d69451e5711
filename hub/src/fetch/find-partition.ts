import { ErrorCode } from '@edgelog/wire';
import type { Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import type { Reader } from './reader.ts';
import type { AskedPartition } from './session.ts';

/**
 * The partition that is asked for, or the error code to answer. A session remembers which name an id stood for, so that a
 * topic that was deleted since can be told from one that was made again under another id [KIP-516].
 */
export function findPartition(
  asked: AskedPartition,
  topics: Pick<Topics, 'get' | 'byId'>,
  usesTopicIds: boolean,
): Partition | number {
  const topic = usesTopicIds ? topics.byId(asked.topicId) : topics.get(asked.topic);
  if (topic !== undefined) {
    asked.topic = topic.name;
    return topic.partitions[asked.index] ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  }
  if (usesTopicIds && asked.topic === '') return ErrorCode.UNKNOWN_TOPIC_ID;
  const isMadeAgain = usesTopicIds && topics.get(asked.topic) !== undefined;
  return isMadeAgain ? ErrorCode.INCONSISTENT_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
}

/** Why nothing can be read of `found`, the `i`th that is asked for, as it is now; or NONE. */
export function fetchError(
  asked: AskedPartition,
  found: Partition | number,
  reader: Reader,
  i: number,
): number {
  if (typeof found === 'number') return found;
  if (found.isClosed) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  const refusal = reader.refusal(asked, found, i);
  if (refusal !== ErrorCode.NONE || reader.diverging?.(i) !== undefined) return refusal;
  const { logStartOffset, logEndOffset } = found.log;
  return asked.fetchOffset < logStartOffset || asked.fetchOffset > logEndOffset
    ? ErrorCode.OFFSET_OUT_OF_RANGE
    : ErrorCode.NONE;
}

import { ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { METADATA_TOPIC } from '../metadata/topic-name.ts';
import { STANDALONE_EPOCH } from '../partition/standalone.ts';
import type { Handler } from './handler.ts';

const UNKNOWN = -1;

/**
 * DescribeQuorum: who keeps the cluster's metadata. A standalone hub keeps it in its own store, so it is the leader and the
 * only voter, and there is no metadata log whose offsets could be told (−1). Partitions other than the first of
 * `__cluster_metadata` are UNKNOWN_TOPIC_OR_PARTITION, with −1 for what Kafka calls 0 there.
 */
export const describeQuorum: Handler<'describeQuorum'> = (request, { broker, client, apiVersion }) => {
  const { nodeId } = broker;
  const voter = { replicaId: nodeId, logEndOffset: UNKNOWN, replicaDirectoryId: ZERO_UUID };
  const topics = request.topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => {
      const isKnown = topicName === METADATA_TOPIC && partitionIndex === 0;
      return {
        partitionIndex,
        errorCode: isKnown ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        leaderId: isKnown ? nodeId : UNKNOWN,
        leaderEpoch: isKnown ? STANDALONE_EPOCH : UNKNOWN,
        highWatermark: UNKNOWN,
        currentVoters: isKnown ? [voter] : [],
        observers: [],
      };
    }),
  }));
  const listener = { name: 'PLAINTEXT', ...broker.endpointFor(client) };
  const nodes = apiVersion >= 2 ? [{ nodeId, listeners: [listener] }] : [];
  return { errorCode: ErrorCode.NONE, topics, nodes };
};

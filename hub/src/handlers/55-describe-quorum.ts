import { ErrorCode, ZERO_UUID } from '@edgelog/wire';
import { METADATA_TOPIC } from '../metadata/internal-topics.ts';
import { STANDALONE_EPOCH } from '../partition/standalone.ts';
import type { Handler } from './handler.ts';

const UNKNOWN = -1;

/**
 * DescribeQuorum: who decides on the cluster's metadata: the controller leads, and every broker that is alive may become it. It is kept in
 * a standalone hub's own store, or in etcd, so there is no log of it whose epoch and offsets could be told (−1; a standalone
 * hub's epoch is always the same). Partitions other than the first of
 * `__cluster_metadata` are UNKNOWN_TOPIC_OR_PARTITION, with −1 for what Kafka calls 0 there.
 */
export const describeQuorum: Handler<'describeQuorum'> = (request, { broker, client, apiVersion }) => {
  const { cluster } = broker;
  const alive = cluster.nodes(client.local);
  const voters = alive.map(({ nodeId }) => ({
    replicaId: nodeId,
    logEndOffset: UNKNOWN,
    replicaDirectoryId: ZERO_UUID,
  }));
  const leaderEpoch = broker.settings.etcd.length === 0 ? STANDALONE_EPOCH : UNKNOWN;
  const topics = request.topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => {
      const isKnown = topicName === METADATA_TOPIC && partitionIndex === 0;
      return {
        partitionIndex,
        errorCode: isKnown ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        leaderId: isKnown ? cluster.controllerId : UNKNOWN,
        leaderEpoch: isKnown ? leaderEpoch : UNKNOWN,
        highWatermark: UNKNOWN,
        currentVoters: isKnown ? voters : [],
        observers: [],
      };
    }),
  }));
  const nodes =
    apiVersion < 2
      ? []
      : alive.map(({ nodeId, host, port }) => ({ nodeId, listeners: [{ name: 'PLAINTEXT', host, port }] }));
  return { errorCode: ErrorCode.NONE, topics, nodes };
};

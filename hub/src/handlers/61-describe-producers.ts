import { ErrorCode, SEQUENCE_MODULUS } from '@edgelog/wire';
import { ANY_EPOCH, leaderError } from '../partition/leader-epoch.ts';
import type { Partition } from '../partition/partition.ts';
import { distinctBy } from '../repeated.ts';
import type { Handler } from './handler.ts';

/**
 * DescribeProducers: the idempotent producers that a partition knows, gateways' runs among them, with the last sequence
 * each has stored. What is named twice is answered once. Left out: transactions, so no producer has a coordinator or an open one.
 */
export const describeProducers: Handler<'describeProducers'> = (request, { broker }) => ({
  topics: distinctBy(request.topics, ({ name }) => name).map(({ name, partitionIndexes }) => ({
    name,
    partitions: [...new Set(partitionIndexes)].map((partitionIndex) => {
      const partition = broker.topics.partition(name, partitionIndex);
      if (partition === undefined) {
        const errorCode = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
        return { partitionIndex, errorCode, errorMessage: 'no such partition', activeProducers: [] };
      }
      const errorCode = leaderError(partition, ANY_EPOCH);
      if (errorCode !== ErrorCode.NONE) return { partitionIndex, errorCode, activeProducers: [] };
      return { partitionIndex, errorCode, activeProducers: activeProducers(partition) };
    }),
  })),
});

function activeProducers({ log }: Partition) {
  return Array.from(log.producers(), ({ producerId, producerEpoch, nextSequence, batches }) => ({
    producerId,
    producerEpoch,
    lastSequence: (nextSequence + SEQUENCE_MODULUS - 1) % SEQUENCE_MODULUS,
    lastTimestamp: batches.at(-1)?.timestamp ?? -1,
    coordinatorEpoch: -1,
  }));
}

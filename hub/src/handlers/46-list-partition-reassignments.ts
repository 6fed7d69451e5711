import { ErrorCode } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';
import { distinctBy } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * ListPartitionReassignments: the partitions asked for, or of all, that are being moved: old and new replicas together, those that come
 * and those that go [KIP-455]. What does not exist or rests is left out, as in Kafka.
 */
export const listPartitionReassignments: Handler<'listPartitionReassignments'> = (request, { broker }) => {
  const { topics } = broker;
  const asked =
    request.topics === null
      ? Array.from(topics.all(), ({ name, partitions }) => ({ name, partitions }))
      : distinctBy(request.topics, ({ name }) => name).map(({ name, partitionIndexes }) => ({
          name,
          partitions: [...new Set(partitionIndexes)].flatMap((index) => topics.partition(name, index) ?? []),
        }));
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    topics: asked.flatMap(({ name, partitions }) => {
      const moving = partitions.flatMap(movement);
      return moving.length === 0 ? [] : [{ name, partitions: moving }];
    }),
  };
};

type PartitionItem = Item<'listPartitionReassignments', 'topics'>['partitions'][number];

function movement({ index: partitionIndex, leadership }: Partition): PartitionItem[] {
  const { replicas, adding, removing } = leadership;
  if (adding.length === 0 && removing.length === 0) return [];
  return [
    {
      partitionIndex,
      replicas: [...replicas],
      addingReplicas: [...adding],
      removingReplicas: [...removing],
    },
  ];
}

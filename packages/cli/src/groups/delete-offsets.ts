import { check, type KafkaCluster } from '@edgelog/client';
import { apis } from '@edgelog/wire';
import { reportOutcomes } from '../outcomes.ts';
import { readGroup } from './group.ts';
import { choosePartitions } from './reset.ts';
import type { WantedTopic } from './reset-target.ts';

/** Takes away what groups committed for some partitions, which none of their members may read at that time. */
export async function deleteOffsets(
  cluster: KafkaCluster,
  groups: readonly string[],
  wanted: readonly WantedTopic[],
  { json }: { json: boolean },
): Promise<number> {
  const topics = await choosePartitions(cluster, wanted);
  const answers = await Promise.all(
    groups.map(async (groupId) => {
      const { coordinator } = await readGroup(cluster, groupId);
      const answer = await cluster.toBroker(coordinator, apis.offsetDelete, {
        groupId,
        topics: topics.map(({ name, partitions }) => ({
          name: name ?? '',
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex })),
        })),
      });
      check(answer.errorCode, `offsets of group ${groupId}`);
      return answer.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) => ({
          name: `${name}-${partitionIndex} of group ${groupId}`,
          errorCode,
        })),
      );
    }),
  );
  return reportOutcomes(answers.flat(), { kind: 'offset of', done: 'deleted', json });
}

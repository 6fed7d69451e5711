import type { KafkaCluster } from '@edgelog/client';
import { apis } from '@edgelog/wire';
import { coordinatorOf } from '../kafka/coordinators.ts';
import { reportOutcomes } from '../outcomes.ts';

/** Deletes groups without members, with what they committed, each at its coordinator. */
export async function deleteGroups(
  cluster: KafkaCluster,
  names: readonly string[],
  { json }: { json: boolean },
): Promise<number> {
  const answers = await Promise.all(
    names.map(async (name) =>
      cluster.toBroker(await coordinatorOf(cluster, name), apis.deleteGroups, { groupsNames: [name] }),
    ),
  );
  const outcomes = answers.flatMap(({ results }) =>
    results.map(({ groupId, errorCode }) => ({ name: groupId, errorCode })),
  );
  return reportOutcomes(outcomes, { kind: 'group', done: 'deleted', json });
}

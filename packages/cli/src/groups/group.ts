import { EdgelogError } from '@edgelog/base';
import { apis, ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { type Cluster, check } from '../kafka/cluster.ts';
import { partitionKey } from '../kafka/offsets.ts';

export type Group = ResponseOutput<typeof apis.describeGroups>['groups'][number];

/** A group that does not exist is Dead, as Kafka has it. */
export const DEAD = 'Dead';

export interface FoundGroup {
  /** Node id of the broker that coordinates it. */
  readonly coordinator: number;
  readonly group: Group;
}

/** State and members of a group, from its coordinator; its state is DEAD when there is no such group. */
export async function findGroup(cluster: Cluster, groupId: string): Promise<FoundGroup> {
  const coordinator = await cluster.coordinatorOf(groupId);
  const answer = await cluster.request(coordinator, apis.describeGroups, { groups: [groupId] });
  const [group] = answer.groups;
  if (group === undefined)
    throw new EdgelogError('REFUSED', `broker ${coordinator} does not answer for ${groupId}`);
  if (group.errorCode !== ErrorCode.GROUP_ID_NOT_FOUND) {
    check(group.errorCode, `group ${groupId}`, group.errorMessage);
  }
  return { coordinator, group };
}

/** As `findGroup`. Throws REFUSED when there is no such group. */
export async function readGroup(cluster: Cluster, groupId: string): Promise<FoundGroup> {
  const found = await findGroup(cluster, groupId);
  if (found.group.groupState === DEAD) {
    throw new EdgelogError('REFUSED', `group ${groupId}: GROUP_ID_NOT_FOUND (no such group)`);
  }
  return found;
}

/** Committed offsets of a group, keyed by `partitionKey`. */
export async function fetchCommitted(
  cluster: Cluster,
  coordinator: number,
  groupId: string,
): Promise<Map<string, number>> {
  const answer = await cluster.request(coordinator, apis.offsetFetch, (version) =>
    version >= 8 ? { groups: [{ groupId, topics: null }] } : { groupId, topics: null },
  );
  const [{ errorCode, topics }] = answer.groups.length > 0 ? [answer.groups[0]!] : [answer];
  check(errorCode, `offsets of group ${groupId}`);
  const committed = new Map<string, number>();
  for (const { name, partitions } of topics ?? []) {
    for (const partition of partitions) {
      check(partition.errorCode, `offset of group ${groupId} in ${name}-${partition.partitionIndex}`);
      if (partition.committedOffset >= 0) {
        committed.set(partitionKey(name, partition.partitionIndex), partition.committedOffset);
      }
    }
  }
  return committed;
}

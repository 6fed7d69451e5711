import { check, type KafkaCluster } from '@edgelog/client';
import { apis } from '@edgelog/wire';
import { whileCoordinatorsMove } from '../kafka/coordinators.ts';
import { printJson, printTable } from '../table.ts';

export interface ListOptions {
  /** What follows --state or --type; empty: all of them. */
  readonly group: readonly string[];
  readonly state: boolean;
  readonly type: boolean;
  readonly json: boolean;
}

/** Groups with their state, those in some states or of some types only. */
export async function listGroups(cluster: KafkaCluster, options: ListOptions): Promise<number> {
  const wanted = options.group.map((word) => word.toLowerCase());
  const groups = (await findGroups(cluster)).filter(({ groupState, groupType }) => {
    if (wanted.length === 0) return true;
    return wanted.includes((options.type ? groupType : groupState).toLowerCase());
  });
  if (options.json) printJson(groups);
  else {
    const rows = groups.map(({ groupId, groupState, groupType, protocolType }) => [
      groupId,
      groupState,
      groupType || '-',
      protocolType || '-',
    ]);
    printTable(['GROUP', 'STATE', 'TYPE', 'PROTOCOL'], rows);
  }
  return 0;
}

/** The groups of all brokers: each knows those it coordinates. */
export async function findGroups(cluster: KafkaCluster) {
  const answers = await Promise.all(
    cluster.brokerIds.map((nodeId) =>
      whileCoordinatorsMove(
        () => cluster.toBroker(nodeId, apis.listGroups, {}),
        ({ errorCode }) => errorCode,
      ),
    ),
  );
  for (const { errorCode } of answers) check(errorCode, 'list of groups');
  return answers.flatMap(({ groups }) => groups).sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

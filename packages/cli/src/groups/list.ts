import { apis } from '@edgelog/wire';
import { type Cluster, check } from '../kafka/cluster.ts';
import { printJson, printTable } from '../table.ts';

export async function listGroups(cluster: Cluster, json: boolean): Promise<number> {
  const groups = await findGroups(cluster);
  if (json) printJson(groups);
  else {
    const rows = groups.map(({ groupId, groupState, protocolType }) => [groupId, groupState, protocolType]);
    printTable(['GROUP', 'STATE', 'PROTOCOL'], rows);
  }
  return 0;
}

/** The groups of all brokers: each knows those it coordinates. */
export async function findGroups(cluster: Cluster) {
  const answers = await Promise.all(
    cluster.brokerIds.map((nodeId) => cluster.request(nodeId, apis.listGroups, {})),
  );
  for (const { errorCode } of answers) check(errorCode, 'list of groups');
  return answers.flatMap(({ groups }) => groups).sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

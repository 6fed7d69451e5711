import type { KafkaCluster } from '@edgelog/client';
import { plural, printJson, printTable } from '../table.ts';
import { type DescribedGroup, describeGroup } from './describe.ts';
import { readGroup } from './group.ts';

interface Output {
  readonly json: boolean;
}

/** Committed offsets, lag and owners. */
export async function describeGroups(
  cluster: KafkaCluster,
  names: readonly string[],
  { json }: Output,
): Promise<number> {
  const described = await Promise.all(names.map((name) => describeGroup(cluster, name)));
  if (json) printJson(described);
  else printGroups(described);
  return 0;
}

/** Every member with what it is assigned. */
export async function describeMembers(
  cluster: KafkaCluster,
  names: readonly string[],
  { json }: Output,
): Promise<number> {
  const found = await Promise.all(names.map((name) => readGroup(cluster, name)));
  const members = found.flatMap(({ group }) =>
    group.members.map((member) => ({
      group: group.groupId,
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      host: member.clientHost,
      clientId: member.clientId,
      partitions: member.partitions,
    })),
  );
  if (json) printJson(members);
  else {
    const rows = members.map(({ group, memberId, groupInstanceId, host, clientId, partitions }) => [
      group,
      memberId,
      groupInstanceId ?? '-',
      host,
      clientId,
      partitions.length,
      partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(',') || '-',
    ]);
    const header = [
      'GROUP',
      'CONSUMER-ID',
      'GROUP-INSTANCE-ID',
      'HOST',
      'CLIENT-ID',
      '#PARTITIONS',
      'ASSIGNMENT',
    ];
    printTable(header, rows);
  }
  return 0;
}

/** State, coordinator and assignor. */
export async function describeStates(
  cluster: KafkaCluster,
  names: readonly string[],
  { json }: Output,
): Promise<number> {
  const found = await Promise.all(names.map((name) => readGroup(cluster, name)));
  const states = found.map(({ coordinator, group }) => ({
    group: group.groupId,
    coordinator,
    protocol: group.protocol,
    state: group.state,
    members: group.members.length,
  }));
  if (json) printJson(states);
  else {
    const rows = states.map(({ group, coordinator, protocol, state, members }) => [
      group,
      coordinator,
      protocol || '-',
      state,
      members,
    ]);
    printTable(['GROUP', 'COORDINATOR', 'ASSIGNMENT-STRATEGY', 'STATE', '#MEMBERS'], rows);
  }
  return 0;
}

function printGroups(groups: readonly DescribedGroup[]): void {
  for (const { group, state, members } of groups) {
    process.stdout.write(`group ${group}: ${state}, ${plural(members, 'member')}\n`);
  }
  const rows = groups.flatMap(({ group, partitions }) =>
    partitions.map(({ topic, partition, currentOffset, endOffset, lag, memberId, host, clientId }) => [
      group,
      topic,
      partition,
      currentOffset ?? '-',
      endOffset ?? '-',
      lag ?? '-',
      memberId ?? '-',
      host ?? '-',
      clientId ?? '-',
    ]),
  );
  if (rows.length === 0) return;
  const header = [
    'GROUP',
    'TOPIC',
    'PARTITION',
    'CURRENT-OFFSET',
    'LOG-END-OFFSET',
    'LAG',
    'CONSUMER-ID',
    'HOST',
    'CLIENT-ID',
  ];
  process.stdout.write('\n');
  printTable(header, rows);
}

import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';
import { z } from 'zod';
import { clientFields, verbOf, withCluster } from '../kafka/client-settings.ts';
import { type Cluster, check } from '../kafka/cluster.ts';
import { printJson, printTable } from '../table.ts';
import { type DescribedGroup, describeGroup } from './describe.ts';

const VERBS = ['list', 'describe'] as const;

const groupsSettings = z.object({
  verb: z.string().optional().describe('list or describe; also as --list and --describe, like in Kafka.'),
  list: z.boolean().default(false).describe('All groups with their state.'),
  describe: z.boolean().default(false).describe('Committed offsets, lag and owners of partitions.'),
  group: z.array(z.string().min(1)).default([]).describe('Groups to describe.'),
  allGroups: z.boolean().default(false).describe('Describe all groups.'),
  ...clientFields,
});

/** `edgelog groups …` */
export async function groupsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog groups',
    summary: 'List and describe consumer groups of a hub, or of any Kafka cluster.',
    schema: groupsSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'group'],
  });
  const verb = verbOf('edgelog groups', VERBS, settings.verb, settings);
  if (verb === 'describe' && !settings.allGroups && settings.group.length === 0) {
    throw new EdgelogError('CONFIG_INVALID', 'edgelog groups describe: --group or --all-groups is required');
  }
  return withCluster(settings, async (cluster) => {
    if (verb === 'list') return listGroups(cluster, settings.json);
    const names = settings.allGroups
      ? (await findGroups(cluster)).map(({ groupId }) => groupId)
      : settings.group;
    const described = await Promise.all(names.map((name) => describeGroup(cluster, name)));
    if (settings.json) printJson(described);
    else printGroups(described);
    return 0;
  });
}

async function listGroups(cluster: Cluster, json: boolean): Promise<number> {
  const groups = await findGroups(cluster);
  if (json) printJson(groups);
  else {
    const rows = groups.map(({ groupId, groupState, protocolType }) => [groupId, groupState, protocolType]);
    printTable(['GROUP', 'STATE', 'PROTOCOL'], rows);
  }
  return 0;
}

/** The groups of all brokers: each knows those it coordinates. */
async function findGroups(cluster: Cluster) {
  const answers = await Promise.all(
    cluster.brokerIds.map((nodeId) => cluster.request(nodeId, apis.listGroups, {})),
  );
  for (const { errorCode } of answers) check(errorCode, 'list of groups');
  return answers.flatMap(({ groups }) => groups).sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

function printGroups(groups: readonly DescribedGroup[]): void {
  for (const { group, state, members } of groups) {
    process.stdout.write(`group ${group}: ${state}, ${members} ${members === 1 ? 'member' : 'members'}\n`);
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

import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, toWord, verbOf, withCluster } from '../kafka/client-settings.ts';
import { deleteGroups } from './delete.ts';
import { deleteOffsets } from './delete-offsets.ts';
import { describeGroups, describeMembers, describeStates } from './describe-actions.ts';
import { findGroups, listGroups } from './list.ts';
import { resetOffsets } from './reset.ts';
import { parseTarget, parseTopics, targetFields } from './reset-target.ts';

const VERBS = ['list', 'describe', 'delete', 'resetOffsets', 'deleteOffsets'] as const;
const COMMAND = 'edgelog groups';

const groupsSettings = z.object({
  verb: z
    .string()
    .optional()
    .describe(`${VERBS.map(toWord).join(', ')}; also as --list …, like in Kafka.`),
  list: z.boolean().default(false).describe('All groups with their state.'),
  describe: z.boolean().default(false).describe('Committed offsets, lag and owners of partitions.'),
  delete: z
    .boolean()
    .default(false)
    .describe('Delete groups that have no members, with what they committed.'),
  resetOffsets: z
    .boolean()
    .default(false)
    .describe(
      'Set the committed offsets of a group without members; shows what it would do until --execute.',
    ),
  deleteOffsets: z
    .boolean()
    .default(false)
    .describe('Delete what groups committed for the partitions of --topic, which no member may read.'),
  group: z.array(z.string().min(1)).default([]).describe('Groups.'),
  allGroups: z.boolean().default(false).describe('All groups there are.'),
  members: z.boolean().default(false).describe('With describe: the members instead of the offsets.'),
  state: z
    .boolean()
    .default(false)
    .describe(
      'With describe: state and coordinator instead of the offsets. With list: only groups in the states that follow, as --state stable,empty.',
    ),
  type: z
    .boolean()
    .default(false)
    .describe('With list: only groups of the types that follow, as --type consumer.'),
  offsets: z.boolean().default(false).describe('With describe: the offsets, as without it.'),
  verbose: z.boolean().default(false).describe('With --members: what each is assigned, as without it.'),
  ...targetFields,
  ...clientFields,
});

/** `edgelog groups …` */
export async function groupsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Consumer groups of a hub, or of any Kafka cluster: list, describe, delete, reset offsets.',
    schema: groupsSettings,
    argv: withFilterWords(argv),
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'group'],
  });
  const verb = verbOf(COMMAND, VERBS, settings.verb, settings);
  if (verb === 'list' && settings.group.length > 0 && settings.state === settings.type) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} list: ${settings.group[0]} is not expected here`);
  }
  if (verb === 'deleteOffsets' && settings.topic.length === 0) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} delete-offsets: --topic is required`);
  }
  if (verb !== 'list' && !settings.allGroups && settings.group.length === 0) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${COMMAND} ${toWord(verb)}: --group or --all-groups is required`,
    );
  }
  if ([settings.members, settings.state, settings.offsets].filter(Boolean).length > 1) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: give one of --offsets, --members, --state`);
  }
  const target = verb === 'resetOffsets' ? parseTarget(`${COMMAND} reset-offsets`, settings) : undefined;
  return withCluster(settings, async (cluster) => {
    if (verb === 'list') return listGroups(cluster, settings);
    const names = settings.allGroups
      ? (await findGroups(cluster)).map(({ groupId }) => groupId)
      : settings.group;
    if (target !== undefined) return resetOffsets(cluster, names, target, settings);
    if (verb === 'deleteOffsets') return deleteOffsets(cluster, names, parseTopics(settings.topic), settings);
    if (verb === 'delete') return deleteGroups(cluster, names, settings);
    if (settings.members) return describeMembers(cluster, names, settings);
    if (settings.state) return describeStates(cluster, names, settings);
    return describeGroups(cluster, names, settings);
  });
}

/** `--list --state stable,empty`: in Kafka's tool the flag has a value there, and nowhere else. */
function withFilterWords(argv: readonly string[]): string[] {
  const isList = argv[0] === 'list' || argv.includes('--list');
  return argv.flatMap((word, index) => {
    const before = argv[index - 1];
    const isValue = isList && (before === '--state' || before === '--type') && !word.startsWith('-');
    return isValue ? ['--group', word] : [word];
  });
}

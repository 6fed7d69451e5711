import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, toWord, verbOf, withCluster } from '../kafka/client-settings.ts';
import { deleteGroups } from './delete.ts';
import { describeGroups, describeMembers, describeStates } from './describe-actions.ts';
import { findGroups, listGroups } from './list.ts';
import { resetOffsets } from './reset.ts';
import { parseTarget, targetFields } from './reset-target.ts';

const VERBS = ['list', 'describe', 'delete', 'resetOffsets'] as const;
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
  group: z.array(z.string().min(1)).default([]).describe('Groups.'),
  allGroups: z.boolean().default(false).describe('All groups there are.'),
  members: z.boolean().default(false).describe('With describe: the members instead of the offsets.'),
  state: z.boolean().default(false).describe('With describe: state and coordinator instead of the offsets.'),
  ...targetFields,
  ...clientFields,
});

/** `edgelog groups …` */
export async function groupsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Consumer groups of a hub, or of any Kafka cluster: list, describe, delete, reset offsets.',
    schema: groupsSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'group'],
  });
  const verb = verbOf(COMMAND, VERBS, settings.verb, settings);
  if (verb !== 'list' && !settings.allGroups && settings.group.length === 0) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${COMMAND} ${toWord(verb)}: --group or --all-groups is required`,
    );
  }
  if (settings.members && settings.state) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: give --members or --state, not both`);
  }
  const target = verb === 'resetOffsets' ? parseTarget(`${COMMAND} reset-offsets`, settings) : undefined;
  return withCluster(settings, async (cluster) => {
    if (verb === 'list') return listGroups(cluster, settings.json);
    const names = settings.allGroups
      ? (await findGroups(cluster)).map(({ groupId }) => groupId)
      : settings.group;
    if (target !== undefined) return resetOffsets(cluster, names, target, settings);
    if (verb === 'delete') return deleteGroups(cluster, names, settings);
    if (settings.members) return describeMembers(cluster, names, settings);
    if (settings.state) return describeStates(cluster, names, settings);
    return describeGroups(cluster, names, settings);
  });
}

import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, verbOf, withCluster } from '../kafka/client-settings.ts';
import { parseConfigPairs } from '../kafka/config-pairs.ts';
import { alterTopics, createTopics, deleteTopics, describeTopics, listTopics } from './actions.ts';

const VERBS = ['list', 'describe', 'create', 'alter', 'delete'] as const;

const topicsSettings = z.object({
  verb: z
    .string()
    .optional()
    .describe(`${VERBS.join(', ')}; also as --list …, like in Kafka.`),
  list: z.boolean().default(false).describe('Names of all topics.'),
  describe: z.boolean().default(false).describe('Partitions with leader, offsets and in-sync replicas.'),
  create: z.boolean().default(false).describe('Create the topics of --topic.'),
  alter: z.boolean().default(false).describe('Add partitions to the topics of --topic, up to --partitions.'),
  delete: z.boolean().default(false).describe('Delete the topics of --topic, with their data.'),
  topic: z
    .array(z.string().min(1))
    .default([])
    .describe('Topics, or regular expressions but for create; left out: all of them, for list and describe.'),
  partitions: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("With create or alter: how many in all. Create without it: the broker's default."),
  replicationFactor: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("With create; left out: the broker's default."),
  config: z.array(z.string()).default([]).describe('With create: KEY=VALUE of the topic.'),
  ifExists: z.boolean().default(false).describe('Describe, delete or alter only what exists.'),
  ifNotExists: z.boolean().default(false).describe('Create only what does not exist.'),
  excludeInternal: z.boolean().default(false).describe("With list: without the brokers' own topics."),
  underReplicatedPartitions: z
    .boolean()
    .default(false)
    .describe('With describe: only partitions with a replica that is not in sync.'),
  unavailablePartitions: z
    .boolean()
    .default(false)
    .describe('With describe: only partitions without a leader.'),
  ...clientFields,
});

/** `edgelog topics …` */
export async function topicsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog topics',
    summary: 'List, describe, create, alter and delete topics of a hub, or of any Kafka cluster.',
    schema: topicsSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'topic'],
  });
  const verb = verbOf('edgelog topics', VERBS, settings.verb, settings);
  if (verb !== 'list' && verb !== 'describe' && settings.topic.length === 0) {
    throw new EdgelogError('CONFIG_INVALID', `edgelog topics ${verb}: --topic is required`);
  }
  const { partitions } = settings;
  if (verb === 'alter' && partitions === undefined) {
    throw new EdgelogError('CONFIG_INVALID', 'edgelog topics alter: --partitions is required');
  }
  const configs = parseConfigPairs('edgelog topics: --config', settings.config);
  const timeoutMs = settings.requestTimeoutMs;
  return withCluster(settings, async (cluster) => {
    switch (verb) {
      case 'list':
        return listTopics(cluster, settings);
      case 'describe':
        return describeTopics(cluster, settings);
      case 'create':
        return createTopics(cluster, { ...settings, configs, timeoutMs });
      case 'alter':
        return alterTopics(cluster, { ...settings, partitions: partitions ?? 0, timeoutMs });
      case 'delete':
        return deleteTopics(cluster, { ...settings, timeoutMs });
    }
  });
}

import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, verbOf, withCluster } from '../kafka/client-settings.ts';
import { describeConfigs } from './describe.ts';
import { ENTITY_TYPES } from './entity.ts';

const VERBS = ['describe'] as const;

const configsSettings = z.object({
  verb: z.string().optional().describe('describe; also as --describe, like in Kafka.'),
  describe: z.boolean().default(false).describe('Configs that are set; with --all the defaults too.'),
  entityType: z.enum(ENTITY_TYPES).default('topics').describe('What is configured.'),
  entityName: z
    .array(z.string().min(1))
    .default([])
    .describe('Topics, or ids of brokers; left out: all of them.'),
  all: z.boolean().default(false).describe('Describe also what has its default value.'),
  ...clientFields,
});

/** `edgelog configs …` */
export async function configsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog configs',
    summary: 'Describe the configuration of topics and brokers of a hub, or of any Kafka cluster.',
    schema: configsSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'entityName'],
  });
  verbOf('edgelog configs', VERBS, settings.verb, settings);
  return withCluster(settings, (cluster) => describeConfigs(cluster, settings));
}

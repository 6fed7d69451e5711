import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, verbOf, withCluster } from '../kafka/client-settings.ts';
import { parseConfigPairs, readConfigPairs } from '../kafka/config-pairs.ts';
import { alterConfigs } from './alter.ts';
import { describeConfigs } from './describe.ts';
import { ENTITY_TYPES, type EntityType } from './entity.ts';

const VERBS = ['describe', 'alter'] as const;
const COMMAND = 'edgelog configs';

const configsSettings = z.object({
  verb: z.string().optional().describe('describe or alter; also as --describe and --alter, like in Kafka.'),
  describe: z.boolean().default(false).describe('Configs that are set; with --all the defaults too.'),
  alter: z.boolean().default(false).describe('Change some configs and leave the others.'),
  entityType: z.enum(ENTITY_TYPES).default('topics').describe('What is configured.'),
  entityName: z
    .array(z.string().min(1))
    .default([])
    .describe('Topics, or ids of brokers; left out: all of them, for describe.'),
  topic: z.array(z.string().min(1)).default([]).describe('Short for --entity-type topics --entity-name.'),
  broker: z.array(z.string().min(1)).default([]).describe('Short for --entity-type brokers --entity-name.'),
  all: z.boolean().default(false).describe('Describe also what has its default value.'),
  addConfig: z.array(z.string()).default([]).describe('With alter: KEY=VALUE to set.'),
  addConfigFile: z
    .string()
    .optional()
    .describe('With alter: a file with a line KEY=VALUE for each config to set.'),
  deleteConfig: z
    .array(z.string().min(1))
    .default([])
    .describe('With alter: keys to take back to their defaults.'),
  ...clientFields,
});

/** `edgelog configs …` */
export async function configsCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'Describe and alter the configuration of topics and brokers of a hub, or of any Kafka cluster.',
    schema: configsSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'entityName'],
  });
  const verb = verbOf(COMMAND, VERBS, settings.verb, settings);
  const { entityType, entityName } = entitiesOf(settings);
  const file = settings.addConfigFile;
  const add = [
    ...parseConfigPairs(`${COMMAND}: --add-config`, settings.addConfig),
    ...(file === undefined ? [] : readConfigPairs(`${COMMAND}: --add-config-file`, file)),
  ];
  const remove = settings.deleteConfig;
  const isChange = add.length + remove.length > 0;
  if (verb === 'describe' && isChange) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: --add-config and --delete-config are for alter`);
  }
  if (verb === 'alter' && entityName.length === 0) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} alter: --entity-name is required`);
  }
  if (verb === 'alter' && !isChange) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} alter: --add-config or --delete-config is required`);
  }
  return withCluster(settings, (cluster) =>
    verb === 'alter'
      ? alterConfigs(cluster, { ...settings, entityType, entityName, add, remove })
      : describeConfigs(cluster, { ...settings, entityType, entityName }),
  );
}

/** The entities of --entity-type and --entity-name, or of their short forms. */
function entitiesOf(settings: z.output<typeof configsSettings>): {
  entityType: EntityType;
  entityName: string[];
} {
  const { entityType, entityName, topic, broker } = settings;
  const given = [
    { entityType, entityName },
    { entityType: 'topics' as const, entityName: topic },
    { entityType: 'brokers' as const, entityName: broker },
  ].filter((one) => one.entityName.length > 0);
  if (given.length > 1) {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND}: give one of --entity-name, --topic, --broker`);
  }
  return given[0] ?? { entityType, entityName };
}

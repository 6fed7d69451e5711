import { EdgelogError } from '@edgelog/base';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { clientFields, toWord, verbOf, withCluster } from '../kafka/client-settings.ts';
import { describeCluster, describeUnderReplicated } from './describe.ts';
import { electPreferred, electUnclean, parsePlace } from './elect.ts';
import { add, cancelMoves, drain, reassign, verifyMoves } from './moves.ts';
import { unregister } from './unregister.ts';

const VERBS = ['describe', 'underReplicated', 'reassign', 'drain', 'add', 'elect', 'unregister'] as const;
type Verb = (typeof VERBS)[number];
const COMMAND = 'edgelog cluster';
const NO_FLAGS = Object.fromEntries(VERBS.map((verb) => [verb, false])) as Record<Verb, boolean>;

const brokerId = z.number().int().min(0);

const clusterSettings = z.object({
  verb: z
    .string()
    .optional()
    .describe(
      `${VERBS.map(toWord).join(', ')}: show the brokers, or the partitions that lack something; spread topics over brokers; empty brokers; give new ones their share; elect leaders; forget brokers that are gone.`,
    ),
  broker: z
    .array(brokerId)
    .default([])
    .describe('With drain, add, unregister: which brokers; also as words, drain 3.'),
  topics: z
    .array(z.string().min(1))
    .default([])
    .describe('With reassign, elect: topics, or regular expressions. Elect without them: all.'),
  brokers: z
    .array(brokerId)
    .default([])
    .describe('With reassign: where the topics are to lie; left out: on all that are alive.'),
  dryRun: z.boolean().default(false).describe('Only show what would be moved.'),
  detach: z.boolean().default(false).describe('Begin all moves at once and do not wait for them.'),
  atOnce: z.number().int().min(1).default(20).describe('How many partitions are moved at a time.'),
  throttle: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'Bytes per second that each broker may copy for moves, until they are done; left out: as it is set. Kafka also asks for configs of topics.',
    ),
  verify: z
    .boolean()
    .default(false)
    .describe('With reassign: what is being moved now; exit status 1 as long as anything is.'),
  cancel: z
    .boolean()
    .default(false)
    .describe('With reassign: call off what is being moved, of --topics or all.'),
  preferred: z
    .boolean()
    .default(false)
    .describe(
      'With elect: have partitions led by their first replica, where that is in sync; as without it.',
    ),
  unclean: z
    .boolean()
    .default(false)
    .describe(
      'With elect: have the leaderless partitions of --partition led by any replica that is alive. LOSES what that one lacks.',
    ),
  partition: z.array(z.string().min(1)).default([]).describe('With --unclean: TOPIC:PARTITION.'),
  yes: z.boolean().default(false).describe('With --unclean: agree to what may be lost, and do not ask.'),
  check: z
    .boolean()
    .default(false)
    .describe('With describe, under-replicated: exit status 1 unless all is well.'),
  ...clientFields,
});

type Settings = z.infer<typeof clusterSettings>;

/** `edgelog cluster …` */
export async function clusterCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: COMMAND,
    summary: 'The brokers of a cluster, of hubs or of Kafka, and where partitions lie on them.',
    schema: clusterSettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['verb', 'broker'],
  });
  const verb = verbOf(COMMAND, VERBS, settings.verb, NO_FLAGS);
  checkUsage(verb, settings);
  const places = settings.partition.map(parsePlace);
  return withCluster(settings, async (cluster) => {
    switch (verb) {
      case 'describe':
        return describeCluster(cluster, settings);
      case 'underReplicated':
        return describeUnderReplicated(cluster, settings);
      case 'reassign':
        if (settings.verify) return verifyMoves(cluster, settings);
        if (settings.cancel) return cancelMoves(cluster, settings.topics, settings);
        return reassign(cluster, settings.topics, settings.brokers, settings);
      case 'drain':
        return drain(cluster, settings.broker, settings);
      case 'add':
        return add(cluster, settings.broker, settings);
      case 'elect':
        return settings.unclean
          ? electUnclean(cluster, places, settings)
          : electPreferred(cluster, settings.topics, settings);
      case 'unregister':
        return unregister(cluster, settings.broker, settings);
    }
  });
}

function checkUsage(verb: Verb, { broker, topics, verify, cancel, unclean, preferred, partition }: Settings) {
  const refuse = (message: string) => {
    throw new EdgelogError('CONFIG_INVALID', `${COMMAND} ${toWord(verb)}: ${message}`);
  };
  const takesBrokers = verb === 'drain' || verb === 'add' || verb === 'unregister';
  if (takesBrokers && broker.length === 0) refuse('which broker? As in: edgelog cluster drain 3');
  if (!takesBrokers && broker.length > 0) refuse(`${broker[0]} is not expected here`);
  if (verb === 'reassign' && topics.length === 0 && !verify && !cancel)
    refuse("--topics is required; --topics '.*' is all of them");
  if (verb !== 'elect') return;
  if (unclean && preferred) refuse('give one of --preferred, --unclean');
  if (unclean !== partition.length > 0) refuse('--unclean and --partition TOPIC:PARTITION go together');
}

import type { KafkaCluster, MetadataAnswer } from '@edgelog/client';
import { type SinkCluster, topicFindings } from '@edgelog/sink';
import type { KafkaSettings } from '@edgelog/sink/kafka-fields.ts';
import { givenConfigs } from '@edgelog/sink/new-topic.ts';
import { POSITIONS_PARTITIONS } from '@edgelog/sink/records.ts';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { type Creation, createdChecks, creationChecks } from './creation.ts';
import { type Finding, ok, problem, tryTo } from './finding.ts';

/** Kafka's numbers of operations [KIP-430]. */
const OPERATIONS = { Read: 3, Write: 4, Describe: 8, DescribeConfigs: 10 } as const;
type Operation = keyof typeof OPERATIONS;
/** A broker that does not tell. */
const NOT_TOLD = -(2 ** 31);

export interface WantedTopic {
  readonly name: string;
  /** Without them nothing works; what else is missing costs comfort. */
  readonly needs: readonly Operation[];
  readonly wishes: readonly Operation[];
  /** As it is made where it is missing; undefined: it may not be. */
  readonly create: Creation | undefined;
  /** Gateways' records go there. */
  readonly isData: boolean;
}

type Described = MetadataAnswer['topics'][number];

/** Topics as the sink would find them: may they be used, are they there or can they be made, and what of their settings is in the way. */
export async function* topicChecks(
  cluster: KafkaCluster,
  sink: SinkCluster,
  wanted: readonly WantedTopic[],
): AsyncGenerator<Finding> {
  const asked = await tryTo('topics', () =>
    cluster.toAny(apis.metadata, (version) => ({
      topics: wanted.map(({ name }) => ({ name })),
      allowAutoTopicCreation: false,
      ...(version >= 8 && { includeTopicAuthorizedOperations: true }),
    })),
  );
  if ('fault' in asked) return yield asked.fault;
  const created: string[] = [];
  let last: { creation: Creation; replication: number | undefined } | undefined;
  for (const one of wanted) {
    const about = `topic ${one.name}`;
    const found = asked.result.topics.find(({ name }) => name === one.name);
    const code = found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
      const { isCreatable, replication } = yield* creationChecks(about, cluster, one.name, one.create);
      if (!isCreatable || !one.isData || one.create === undefined) continue;
      created.push(one.name);
      last = { creation: one.create, replication };
    } else if (code === ErrorCode.TOPIC_AUTHORIZATION_FAILED)
      yield problem(about, 'may not even be seen', grant(one, [...one.needs, ...one.wishes]));
    else if (found === undefined || code !== ErrorCode.NONE)
      yield problem(about, `is answered with ${errorName(code)}`);
    else yield* existingChecks(about, sink, one, found);
  }
  // All are made alike.
  if (last !== undefined) yield* createdChecks(cluster, created, last.creation, last.replication);
}

async function* existingChecks(
  about: string,
  sink: SinkCluster,
  wanted: WantedTopic,
  found: Described,
): AsyncGenerator<Finding> {
  const { partitions, topicAuthorizedOperations: bits } = found;
  const leaderless = partitions.filter(({ leaderId }) => leaderId < 0).map((one) => one.partitionIndex);
  if (leaderless.length > 0)
    yield problem(about, `has no leader for partitions ${leaderless.join(', ')}: what goes there waits`);
  const may = (operation: Operation) => (bits & (1 << OPERATIONS[operation])) !== 0;
  const missing = bits === NOT_TOLD ? [] : wanted.needs.filter((one) => !may(one));
  const wished = bits === NOT_TOLD ? [] : wanted.wishes.filter((one) => !may(one));
  if (missing.length > 0)
    yield problem(about, `this user may not ${missing.join(', ')}`, grant(wanted, missing));
  else if (bits === NOT_TOLD)
    yield { about, level: 'note', says: 'is there; the broker does not tell what this user may do with it' };
  else
    yield ok(
      about,
      `is there (partitions: ${partitions.length}), and this user may ${wanted.needs.join(', ')}`,
    );
  if (wished.length > 0) {
    const says = `this user may not ${wished.join(', ')}: its settings cannot be checked`;
    yield { about, level: 'warning', says, advice: grant(wanted, wished) };
  } else if (wanted.isData && missing.length === 0) yield* settingChecks(about, sink, wanted.name);
}

async function* settingChecks(about: string, sink: SinkCluster, name: string): AsyncGenerator<Finding> {
  const asked = await tryTo(about, async () => {
    const topic = await sink.topic(name, true);
    return topic === undefined ? undefined : sink.configs(topic);
  });
  if ('fault' in asked) return yield asked.fault;
  if (asked.result === undefined) return;
  const findings = topicFindings(asked.result);
  for (const { severity, setting, value, says, advice } of findings)
    yield { about, level: severity, says: `${setting}=${value}: ${says}`, advice };
  if (findings.length === 0) yield ok(about, 'its settings suit what gateways send');
}

function grant({ name }: WantedTopic, operations: readonly Operation[]): string {
  const wanted = operations.map((operation) => `--operation ${operation}`).join(' ');
  return `allow it: kafka-acls.sh --add ${wanted} --topic ${name} --allow-principal User:…`;
}

/** What an agent or a sync gateway with these settings uses. */
export function topicsWanted(
  data: readonly string[],
  settings: KafkaSettings,
  brokerCount: number,
): WantedTopic[] {
  const { sinkCreateTopics, sinkPartitions, sinkReplication, sinkPositionsTopic, sinkEventsTopic } = settings;
  const create = (partitions: number | undefined, replication: number | undefined, configs = {}) =>
    sinkCreateTopics ? { partitions, replication, configs } : undefined;
  const own = { needs: ['Read', 'Write', 'Describe'], wishes: [], isData: false } as const;
  return [
    { ...own, name: sinkPositionsTopic, create: create(POSITIONS_PARTITIONS, Math.min(3, brokerCount)) },
    ...(sinkEventsTopic === 'off'
      ? []
      : [{ ...own, name: sinkEventsTopic, create: create(undefined, undefined) }]),
    ...data.map((name) => ({
      name,
      needs: ['Read', 'Write', 'Describe'] as const,
      wishes: ['DescribeConfigs'] as const,
      create: create(sinkPartitions, sinkReplication, givenConfigs(settings)),
      isData: true,
    })),
  ];
}

import type { KafkaCluster } from '@edgelog/client';
import { type TopicFinding, topicFindings } from '@edgelog/sink';
import { brokerConfigs } from '@edgelog/sink/describe-configs.ts';
import { isTopicSetting, newTopicConfigs } from '@edgelog/sink/new-topic.ts';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { type Finding, ok, problem, tryTo } from './finding.ts';

/** How a topic is made that is missing; undefined: as the cluster decides. */
export interface Creation {
  readonly partitions: number | undefined;
  readonly replication: number | undefined;
  readonly configs: Readonly<Record<string, string>>;
}

/** How many replicas it would have; undefined: the cluster would not create it, or does not tell. */
export interface Validated {
  readonly isCreatable: boolean;
  readonly replication: number | undefined;
}

const CREATE_MS = 10_000;

/** Asks the cluster whether it would create it, without doing so. */
export async function* creationChecks(
  about: string,
  cluster: KafkaCluster,
  name: string,
  creation: Creation | undefined,
): AsyncGenerator<Finding, Validated> {
  const not: Validated = { isCreatable: false, replication: undefined };
  if (creation === undefined) {
    yield problem(about, 'is not there, and may not be created (--no-sink-create-topics)', 'create it');
    return not;
  }
  const { partitions = -1, replication = -1, configs } = creation;
  const topic = {
    ...{ name, numPartitions: partitions, replicationFactor: replication, assignments: [] },
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  };
  const asked = await tryTo(about, () =>
    cluster.toController(apis.createTopics, { topics: [topic], timeoutMs: CREATE_MS, validateOnly: true }),
  );
  if ('fault' in asked) {
    yield asked.fault;
    return not;
  }
  const [answer] = asked.result.topics;
  if (answer?.errorCode === ErrorCode.NONE) {
    yield ok(about, 'is not there; it is created when it is first needed, which this user may do');
    const told = answer.replicationFactor;
    return { isCreatable: true, replication: creation.replication ?? (told > 0 ? told : undefined) };
  }
  const code = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR;
  const mayNot =
    code === ErrorCode.TOPIC_AUTHORIZATION_FAILED || code === ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
  yield problem(
    about,
    mayNot
      ? 'is not there, and this user may not create it'
      : `is not there, and cannot be created: ${answer?.errorMessage ?? errorName(code)}`,
    mayNot
      ? `create it, or allow it: kafka-acls.sh --add --operation Create --topic ${name} --allow-principal User:…`
      : 'create it by hand, or change --sink-partitions, --sink-replication and --sink-topic-config',
  );
  return not;
}

/** What would go wrong with topics that are made so: what is not given for them they have from the brokers. */
export async function* createdChecks(
  cluster: KafkaCluster,
  names: readonly string[],
  creation: Creation,
  validated: number | undefined,
): AsyncGenerator<Finding> {
  const about = `topic ${names.join(', ')}`;
  const asked = await tryTo(about, () => brokerConfigs(cluster));
  if ('fault' in asked) return yield asked.fault;
  const broker = asked.result;
  if (broker === undefined) {
    const says = 'as what it would be created is not known: this user may not read the settings of brokers';
    yield { about, level: 'note', says, advice: 'allow DescribeConfigs on the cluster' };
    return;
  }
  const replication = validated ?? Number(broker.get('default.replication.factor') ?? 1);
  const brokerCount = cluster.brokerIds.length;
  const findings = topicFindings(newTopicConfigs({ brokerCount, replication, broker }, creation.configs));
  for (const finding of findings) {
    const { severity, setting, value, says } = finding;
    const advice = adviceFor(finding);
    yield { about, level: severity, says: `would be created with ${setting}=${value}: ${says}`, advice };
  }
  if (findings.length === 0) yield ok(about, 'would be created with settings that suit what gateways send');
  yield* ownerChecks(about, creation, broker);
}

function adviceFor({ setting, advice }: TopicFinding): string {
  if (setting === 'replication factor') return `${advice}: --sink-replication 3`;
  if (!isTopicSetting(setting)) return advice;
  return `${advice}; for topics that gateways create: --sink-topic-config ${setting}=…`;
}

/** Whether somebody else may create it first, and otherwise. */
function* ownerChecks(
  about: string,
  { partitions, replication, configs }: Creation,
  broker: ReadonlyMap<string, string>,
): Generator<Finding> {
  const isGiven = partitions !== undefined || replication !== undefined || Object.keys(configs).length > 0;
  if (!isGiven || broker.get('auto.create.topics.enable') !== 'true') return;
  yield {
    about,
    level: 'warning',
    says: "auto.create.topics.enable=true: a consumer or producer that asks for it before the first gateway comes creates it, with the brokers' settings instead of what --sink-partitions, --sink-replication and --sink-topic-config say",
    advice: 'create it beforehand, or set auto.create.topics.enable=false on the brokers',
  };
}

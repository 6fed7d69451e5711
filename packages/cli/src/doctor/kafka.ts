import { KafkaCluster, kafkaSecurityOf, parseKafkaUrl, securityWarning } from '@edgelog/client';
import { formatAddress, parseAddress, silentLogger } from '@edgelog/runtime';
import { connectKafkaCluster } from '@edgelog/sink';
import type { KafkaSettings } from '@edgelog/sink/kafka-fields.ts';
import { apis } from '@edgelog/wire';
import { type Access, brokerChecks } from './brokers.ts';
import { type Finding, ok, problem, tryTo } from './finding.ts';
import { topicChecks, topicsWanted } from './topics.ts';

export interface KafkaChecks {
  readonly url: string;
  readonly settings: KafkaSettings;
  /** Topics that gateways' records go to. */
  readonly topics: readonly string[];
  readonly timeoutMs: number;
}

const NOT_REACHED =
  'check the name, the port, firewalls and routes between this machine and the broker, and that the broker listens there';
const NOT_ADVERTISED =
  'clients connect to the address that each broker advertises: its advertised.listeners must name one that can be reached from here, for this listener';

/** Goes the way of an agent or a sync gateway into a Kafka cluster, and changes nothing there. Throws CONFIG_INVALID. */
export async function* kafkaChecks({
  url,
  settings,
  topics,
  timeoutMs,
}: KafkaChecks): AsyncGenerator<Finding> {
  const { bootstrap, isTls } = parseKafkaUrl(url);
  const security = kafkaSecurityOf({ isTls }, settings);
  const access: Access = { security, timeoutMs };
  const warning = securityWarning(security, bootstrap);
  if (warning !== undefined) yield { about: 'credentials', level: 'warning', says: warning };
  if (!(yield* bootstrapChecks(bootstrap, access))) return;

  const options = { bootstrap, clientId: 'edgelog-doctor', timeoutMs, security, log: silentLogger };
  const opened = await tryTo('cluster', () => KafkaCluster.open(options));
  if ('fault' in opened) return yield opened.fault;
  const cluster = opened.result;
  try {
    const asked = await tryTo('cluster', () => cluster.metadata([]));
    if ('fault' in asked) return yield asked.fault;
    const { brokers, controllerId } = asked.result;
    const ids = brokers.map(({ nodeId }) => nodeId).join(', ');
    yield ok('cluster', `${cluster.clusterId}: brokers ${ids}`);
    if (controllerId < 0)
      yield problem('cluster', 'has no controller at the moment: no topic can be created');
    let answering = 0;
    for (const { nodeId, host, port } of brokers) {
      const about = `broker ${nodeId}`;
      if (bootstrap.includes(formatAddress({ host, port }))) answering++;
      else if (yield* brokerChecks(about, { host, port }, access, NOT_ADVERTISED)) answering++;
    }
    if (answering < brokers.length) return;
    yield* clusterChecks(cluster);
    const sink = await tryTo('cluster', () => connectKafkaCluster(options));
    if ('fault' in sink) return yield sink.fault;
    try {
      yield* topicChecks(cluster, sink.result, topicsWanted(topics, settings, brokers.length));
    } finally {
      await sink.result.close();
    }
  } finally {
    cluster.close();
  }
}

/** One server that answers is enough to begin with. True where there is one. */
async function* bootstrapChecks(
  servers: readonly string[],
  access: Access,
): AsyncGenerator<Finding, boolean> {
  const findings: Finding[] = [];
  let isReached = false;
  for (const server of servers) {
    const checks = brokerChecks(`bootstrap ${server}`, parseAddress(server), access, NOT_REACHED);
    let step = await checks.next();
    for (; !step.done; step = await checks.next()) findings.push(step.value);
    isReached ||= step.value;
  }
  for (const one of findings) yield isReached && one.level === 'problem' ? { ...one, level: 'warning' } : one;
  return isReached;
}

const DESCRIBE_CONFIGS = 10;

/** Whether the brokers' own settings may be read. */
async function* clusterChecks(cluster: KafkaCluster): AsyncGenerator<Finding> {
  const body = { includeClusterAuthorizedOperations: true };
  const asked = await tryTo('cluster', () => cluster.toAny(apis.describeCluster, body));
  if ('fault' in asked) return; // of a broker before 2.8, which has said more already
  const { clusterAuthorizedOperations: bits } = asked.result;
  if (bits === -(2 ** 31) || (bits & (1 << DESCRIBE_CONFIGS)) !== 0) return;
  yield {
    about: 'cluster',
    level: 'note',
    says: "this user may not read the brokers' settings: how long the cluster remembers producers is not known, and Kafka's default is assumed",
    advice: 'allow it: kafka-acls.sh --add --operation DescribeConfigs --cluster --allow-principal User:…',
  };
}

import type { ClusterConfigs } from './cluster.ts';

/** What stands in the way of gateways' data in a topic, before it does. */
export interface TopicFinding {
  readonly severity: 'problem' | 'warning' | 'note';
  /** Kafka's name of it; of the broker where it is the broker's. */
  readonly setting: string;
  readonly value: string;
  readonly says: string;
  readonly advice: string;
}

/** The largest batch that a gateway seals, with what the last record may be over it. */
const SEALED_BYTES_MAX = 1024 * 1024;
const DAY_MS = 86_400_000;
/** For how long a gateway may be away. */
const AWAY_MS = 90 * DAY_MS;

/** What of a topic's configuration would go wrong with what gateways send: late, in large batches, each once. */
export function topicFindings({ topic, ...others }: ClusterConfigs): TopicFinding[] {
  if (topic === undefined) {
    return [
      {
        severity: 'note',
        setting: 'settings of the topic',
        value: 'not told',
        says: "whether they suit what gateways send is not known; Kafka's defaults are assumed",
        advice: 'allow DescribeConfigs on the topic',
      },
    ];
  }
  const configs = { topic, ...others };
  return [
    ...timeFindings(configs),
    ...batchFindings(configs),
    ...safetyFindings(configs),
    ...producerFindings(configs),
  ];
}

type Told = ClusterConfigs & { readonly topic: ReadonlyMap<string, string> };

function* timeFindings({ topic }: Told): Generator<TopicFinding> {
  const isAppendTime = topic.get('message.timestamp.type') === 'LogAppendTime';
  const retention = numberOf(topic, 'retention.ms');
  const deletes = topic.get('cleanup.policy')?.includes('delete') ?? true;
  if (!isAppendTime && deletes && retention !== undefined && retention >= 0 && retention < AWAY_MS) {
    yield {
      severity: 'warning',
      setting: 'retention.ms',
      value: String(retention),
      says: `records are deleted ${spanOf(retention)} after their own time: what a gateway brings that was away for longer is deleted soon after it arrives`,
      advice: `set retention.ms to as long as gateways may be away and data is wanted after that (${AWAY_MS} is 90 days, -1 is for ever), or message.timestamp.type=LogAppendTime`,
    };
  }
  if (isAppendTime) {
    yield {
      severity: 'note',
      setting: 'message.timestamp.type',
      value: 'LogAppendTime',
      says: 'consumers see when a record came to the cluster instead of when it was measured, and the cluster makes a new checksum for each batch',
      advice:
        'set message.timestamp.type=CreateTime and a long retention.ms, if the time of the measurement is wanted',
    };
    return;
  }
  const before = numberOf(topic, 'message.timestamp.before.max.ms');
  if (before !== undefined && before < AWAY_MS) {
    yield {
      severity: 'problem',
      setting: 'message.timestamp.before.max.ms',
      value: String(before),
      says: `records older than ${spanOf(before)} are refused: a stream whose backlog is older stands still`,
      advice: 'set message.timestamp.before.max.ms=9223372036854775807',
    };
  }
  const after = numberOf(topic, 'message.timestamp.after.max.ms');
  if (after !== undefined && after < 60_000) {
    yield {
      severity: 'warning',
      setting: 'message.timestamp.after.max.ms',
      value: String(after),
      says: `records more than ${after} ms ahead of the broker's clock are refused: a gateway whose clock is a little ahead stands still`,
      advice: "set message.timestamp.after.max.ms=3600000, Kafka's default",
    };
  }
}

function* batchFindings({ topic }: Told): Generator<TopicFinding> {
  const largest = numberOf(topic, 'max.message.bytes');
  if (largest !== undefined && largest < SEALED_BYTES_MAX) {
    yield {
      severity: 'warning',
      setting: 'max.message.bytes',
      value: String(largest),
      says: `larger batches are refused, and set aside by the gateway; it seals up to ${SEALED_BYTES_MAX} bytes where records are large`,
      advice: "set max.message.bytes=1048588, Kafka's default, or more",
    };
  }
  const compression = topic.get('compression.type');
  if (compression !== undefined && compression !== 'producer') {
    yield {
      severity: 'problem',
      setting: 'compression.type',
      value: compression,
      says: 'the cluster unpacks and compresses each batch again: processor time for every byte, and the checksum that came from the gateway is lost, with which batches are compared after a failure',
      advice: 'set compression.type=producer',
    };
  }
  const policy = topic.get('cleanup.policy');
  if (policy?.includes('compact')) {
    yield {
      severity: 'problem',
      setting: 'cleanup.policy',
      value: policy,
      says: 'only the newest record of each key is kept, so a series of readings with one key loses all but its last; records without a key are refused, and the stream stands still',
      advice: 'set cleanup.policy=delete',
    };
  }
}

function* safetyFindings({ topic, replication, brokerCount }: Told): Generator<TopicFinding> {
  const least = numberOf(topic, 'min.insync.replicas');
  if (replication === 1 && brokerCount > 1) {
    yield {
      severity: 'warning',
      setting: 'replication factor',
      value: '1',
      says: 'the topic is on one broker only: what is acknowledged is gone if that one is lost, and nothing goes in while it is away',
      advice: 'give the topic three replicas and min.insync.replicas=2',
    };
  } else if (least === 1 && replication > 1) {
    yield {
      severity: 'warning',
      setting: 'min.insync.replicas',
      value: '1',
      says: 'records are acknowledged that only one broker has, while the others are behind: lost if it fails then',
      advice: `set min.insync.replicas=${replication - 1}`,
    };
  } else if (least !== undefined && least >= replication && replication > 1) {
    yield {
      severity: 'warning',
      setting: 'min.insync.replicas',
      value: String(least),
      says: `with ${replication} replicas nothing goes in while one broker is away`,
      advice: `set min.insync.replicas=${replication - 1}`,
    };
  }
  if (topic.get('unclean.leader.election.enable') === 'true') {
    yield {
      severity: 'warning',
      setting: 'unclean.leader.election.enable',
      value: 'true',
      says: 'a broker that lacks acknowledged records may become leader: they are gone then, and gateways have freed theirs',
      advice: 'set unclean.leader.election.enable=false',
    };
  }
}

function* producerFindings({ broker, topic }: Told): Generator<TopicFinding> {
  const setting = 'producer.id.expiration.ms';
  const expiration = broker === undefined ? undefined : numberOf(broker, setting);
  if (expiration === undefined) {
    yield {
      severity: 'note',
      setting,
      value: 'not told',
      says: "the cluster does not tell how long it remembers producers; Kafka's default of a day is assumed",
      advice: 'allow DescribeConfigs on the cluster',
    };
  } else if (expiration < DAY_MS / 24 && topic.get('message.timestamp.type') !== 'LogAppendTime') {
    yield {
      severity: 'warning',
      setting,
      value: String(expiration),
      says: 'producers are forgotten early: nearly all batches go one at a time, and after failures the log is searched',
      advice: `set ${setting}=${DAY_MS} on the brokers, the default, or more`,
    };
  }
}

function numberOf(configs: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = Number(configs.get(name) ?? Number.NaN);
  return Number.isNaN(value) ? undefined : value;
}

const UNITS = [
  [DAY_MS, 'days'],
  [DAY_MS / 24, 'hours'],
  [60_000, 'minutes'],
  [1_000, 'seconds'],
] as const;

/** In the largest unit of which there are two. */
const spanOf = (ms: number): string => {
  const [unit, name] = UNITS.find(([one]) => ms >= 2 * one) ?? [1, 'ms'];
  return `${Math.round(ms / unit)} ${name}`;
};

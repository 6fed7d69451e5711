import { ErrorCode, errorName, type ResponseOutput, ZERO_UUID } from '@edgelog/wire';
import { askKafka } from './kafka-raw.ts';
import { until } from './wait.ts';

const TIMEOUT_MS = 30_000;
/** Of Kafka 4.1: the highest that this wire speaks too. */
const VERSIONS = {
  metadata: 12,
  createTopics: 7,
  deleteTopics: 6,
  deleteRecords: 2,
  incrementalAlterConfigs: 1,
  describeConfigs: 4,
  alterPartitionReassignments: 1,
} as const;

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const SET = 0;

export interface TopicOptions {
  partitions?: number;
  replication?: number;
  configs?: Readonly<Record<string, string>>;
}

type Topic = ResponseOutput<'metadata'>['topics'][number];
export type PartitionInfo = Topic['partitions'][number];

/** What tests ask of a Kafka cluster, by way of any broker that answers; every answer other than NONE throws. */
export class KafkaAdmin {
  readonly #ports: () => ReadonlyMap<number, number>;

  /** `ports`: by id, those of the brokers that are up. */
  constructor(ports: () => ReadonlyMap<number, number>) {
    this.#ports = ports;
  }

  /** Also waits until every partition has a leader. */
  async createTopic(name: string, { partitions = 1, replication = -1, configs = {} }: TopicOptions = {}) {
    const topic = {
      ...{ name, numPartitions: partitions, replicationFactor: replication, assignments: [] },
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    };
    await until(`${name} is created`, async () => {
      const request = { timeoutMs: TIMEOUT_MS, topics: [topic] };
      const { topics } = await askKafka(this.#port(), 'createTopics', VERSIONS.createTopics, request);
      if (topics[0]!.errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) check(`createTopics ${name}`, topics[0]!);
      return true;
    });
    await until(`every broker knows ${name}`, async () => {
      const known = await this.#everywhere(name);
      return known.every(
        (topic) =>
          topic?.partitions.length === partitions && topic.partitions.every((one) => one.leaderId >= 0),
      );
    });
  }

  async deleteTopic(name: string): Promise<void> {
    await until(`${name} is deleted`, async () => {
      const request = { topics: [{ name, topicId: ZERO_UUID }], timeoutMs: TIMEOUT_MS };
      const { responses } = await askKafka(this.#port(), 'deleteTopics', VERSIONS.deleteTopics, request);
      if (responses[0]!.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        check(`deleteTopics ${name}`, responses[0]!);
      return true;
    });
    await until(`no broker knows ${name}`, async () => {
      const known = await this.#everywhere(name);
      return known.every((topic) => topic === undefined);
    });
  }

  setTopicConfigs(name: string, configs: Readonly<Record<string, string>>): Promise<void> {
    return this.#setConfigs(TOPIC_RESOURCE, name, configs);
  }

  /** Of all brokers, each of which has taken them then; only those that Kafka can change while it runs. */
  async setBrokerConfigs(configs: Readonly<Record<string, string>>): Promise<void> {
    await this.#setConfigs(BROKER_RESOURCE, '', configs);
    await until('every broker has its new settings', async () => {
      const taken = [...this.#ports()].map(([id, port]) =>
        this.#brokerConfigs(id, port, Object.keys(configs)),
      );
      return (await Promise.all(taken)).every((one) =>
        Object.entries(configs).every(([name, value]) => one.get(name) === value),
      );
    });
  }

  async #brokerConfigs(id: number, port: number, names: string[]): Promise<Map<string, string | null>> {
    const { results } = await askKafka(port, 'describeConfigs', VERSIONS.describeConfigs, {
      resources: [{ resourceType: BROKER_RESOURCE, resourceName: String(id), configurationKeys: names }],
    });
    check(`describeConfigs of broker ${id}`, results[0]!);
    return new Map(results[0]!.configs.map(({ name, value }) => [name, value]));
  }

  async #setConfigs(
    resourceType: number,
    resourceName: string,
    configs: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { responses } = await askKafka(
      this.#port(),
      'incrementalAlterConfigs',
      VERSIONS.incrementalAlterConfigs,
      {
        validateOnly: false,
        resources: [
          {
            resourceType,
            resourceName,
            configs: Object.entries(configs).map(([key, value]) => ({
              name: key,
              configOperation: SET,
              value,
            })),
          },
        ],
      },
    );
    check(`incrementalAlterConfigs ${resourceName}`, responses[0]!);
  }

  /** Gives one partition other replicas, and waits until it has no others. The first is the preferred leader. */
  async reassign(name: string, partition: number, replicas: readonly number[]): Promise<void> {
    const answer = await askKafka(
      this.#port(),
      'alterPartitionReassignments',
      VERSIONS.alterPartitionReassignments,
      {
        timeoutMs: TIMEOUT_MS,
        topics: [{ name, partitions: [{ partitionIndex: partition, replicas: [...replicas] }] }],
      },
    );
    check('alterPartitionReassignments', answer);
    check(`alterPartitionReassignments ${name}-${partition}`, answer.responses[0]!.partitions[0]!);
    await until(`${name}-${partition} is on ${replicas.join()}`, async () => {
      const { replicaNodes, isrNodes } = await this.partition(name, partition);
      return [replicaNodes, isrNodes].every((nodes) => sorted(nodes) === sorted(replicas));
    });
  }

  /** Deletes what lies before `offset`, at the leader. */
  async deleteRecords(name: string, partition: number, offset: number): Promise<void> {
    const { leaderId } = await this.partition(name, partition);
    const { topics } = await askKafka(this.#portOf(leaderId), 'deleteRecords', VERSIONS.deleteRecords, {
      timeoutMs: TIMEOUT_MS,
      topics: [{ name, partitions: [{ partitionIndex: partition, offset }] }],
    });
    check(`deleteRecords ${name}-${partition}`, { ...topics[0]!.partitions[0]!, errorMessage: null });
  }

  /** Undefined: there is no such topic. */
  async topicId(name: string): Promise<string | undefined> {
    return (await this.#topic(name, this.#port()))?.topicId;
  }

  /** As the broker at `port` knows it now. */
  async partition(name: string, partition: number, port = this.#port()): Promise<PartitionInfo> {
    const topic = await this.#topic(name, port);
    const found = topic?.partitions.find(({ partitionIndex }) => partitionIndex === partition);
    if (found === undefined) throw new Error(`there is no ${name}-${partition}`);
    return found;
  }

  /** Ids of the brokers that are unfenced, as the broker at `port` knows it. */
  async brokers(port = this.#port()): Promise<number[]> {
    const { brokers } = await askKafka(port, 'metadata', VERSIONS.metadata, { topics: [] });
    return brokers.map(({ nodeId }) => nodeId);
  }

  async #topic(name: string, port: number): Promise<Topic | undefined> {
    const { topics } = await askKafka(port, 'metadata', VERSIONS.metadata, {
      topics: [{ name, topicId: ZERO_UUID }],
      allowAutoTopicCreation: false,
    });
    const [topic] = topics;
    return topic?.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ? undefined : topic;
  }

  #everywhere(name: string): Promise<(Topic | undefined)[]> {
    return Promise.all([...this.#ports().values()].map((port) => this.#topic(name, port)));
  }

  /** Of any of them. */
  #port(): number {
    const [port] = this.#ports().values();
    if (port === undefined) throw new Error('no broker is up');
    return port;
  }

  #portOf(broker: number): number {
    const port = this.#ports().get(broker);
    if (port === undefined) throw new Error(`broker ${broker} is not up`);
    return port;
  }
}

const sorted = (ids: readonly number[]): string => ids.toSorted((a, b) => a - b).join();

function check(what: string, answer: { errorCode: number; errorMessage: string | null }): void {
  if (answer.errorCode !== ErrorCode.NONE)
    throw new Error(`${what}: ${errorName(answer.errorCode)} ${answer.errorMessage ?? ''}`);
}

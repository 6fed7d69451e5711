import type { Address } from '@edgelog/runtime';
import { type apis, ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { AnotherCluster } from '../refusal.ts';

export type MetadataAnswer = ResponseOutput<typeof apis.metadata>;
/** One topic, as Metadata answers it; `partitions` by index. */
export type TopicMetadata = MetadataAnswer['topics'][number];
export type PartitionMetadata = TopicMetadata['partitions'][number];

interface KnownTopic {
  topic: TopicMetadata;
  /** By performance.now(). */
  learntAtMs: number;
  usedAtMs: number;
  /** Something was answered that contradicts it. */
  isStale: boolean;
}

/** What is known of a cluster: brokers, controller, topics with their leaders. Pure; `nowMs` is a monotonic clock. */
export class KnownCluster {
  #brokers = new Map<number, Address>();
  readonly #topics = new Map<string, KnownTopic>();
  /** Topics that the cluster says nothing of, with its error code. */
  readonly #refused = new Map<string, number>();
  #clusterId: string | undefined;
  controllerId = -1;

  /** Kafka's name of the cluster; empty before the first answer. */
  get clusterId(): string {
    return this.#clusterId ?? '';
  }

  get brokers(): ReadonlyMap<number, Address> {
    return this.#brokers;
  }

  /** Throws AnotherCluster when the answer comes from one. */
  learn(answer: MetadataAnswer, nowMs: number): void {
    const clusterId = answer.clusterId ?? '';
    if (this.#clusterId !== undefined && clusterId !== this.#clusterId) {
      throw new AnotherCluster(clusterId, this.#clusterId);
    }
    this.#clusterId = clusterId;
    this.controllerId = answer.controllerId;
    this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    for (const topic of answer.topics) this.#learnTopic(topic, nowMs);
  }

  /** A broker that an answer named, before metadata does. */
  learnBroker(nodeId: number, address: Address): void {
    this.#brokers.set(nodeId, address);
  }

  #learnTopic(topic: TopicMetadata, nowMs: number): void {
    const { name } = topic;
    if (name === null) return;
    this.#refused.delete(name);
    if (topic.errorCode !== ErrorCode.NONE) {
      this.#topics.delete(name);
      if (topic.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) this.#refused.set(name, topic.errorCode);
      return;
    }
    const known = this.#topics.get(name);
    topic.partitions.sort((a, b) => a.partitionIndex - b.partitionIndex);
    if (known?.topic.topicId === topic.topicId) keepNewest(topic.partitions, known.topic.partitions);
    this.#topics.set(name, { topic, learntAtMs: nowMs, usedAtMs: known?.usedAtMs ?? nowMs, isStale: false });
  }

  /** Undefined when nothing is known that may be relied on. */
  topic(name: string, nowMs: number, maxAgeMs: number): TopicMetadata | undefined {
    const known = this.#topics.get(name);
    if (known === undefined) return undefined;
    known.usedAtMs = nowMs;
    return known.isStale || nowMs - known.learntAtMs > maxAgeMs ? undefined : known.topic;
  }

  /** As it was told last, though something may contradict it. */
  lastKnown(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)?.topic;
  }

  /** Why the cluster said nothing of the topic when it was asked last: Kafka's code; undefined: there is none. */
  refusalOf(name: string): number | undefined {
    return this.#refused.get(name);
  }

  /** A broker contradicted what is known of the topic. */
  markStale(name: string): void {
    const known = this.#topics.get(name);
    if (known !== undefined) known.isStale = true;
  }

  /** The broker does not answer: whatever it led may have moved. */
  markBrokerStale(nodeId: number): void {
    for (const known of this.#topics.values()) {
      known.isStale ||= known.topic.partitions.some(({ leaderId }) => leaderId === nodeId);
    }
  }

  /** Topics that were asked for since `sinceMs`; the others are forgotten. */
  inUse(sinceMs: number): string[] {
    for (const [name, { usedAtMs }] of this.#topics) if (usedAtMs < sinceMs) this.#topics.delete(name);
    return [...this.#topics.keys()];
  }
}

/** A broker that lags behind may still name the leader before the last: an older epoch never replaces a newer one [KIP-320]. */
function keepNewest(partitions: PartitionMetadata[], known: readonly PartitionMetadata[]): void {
  const before = new Map(known.map((one) => [one.partitionIndex, one]));
  partitions.forEach((one, i) => {
    const older = before.get(one.partitionIndex);
    if (older !== undefined && older.leaderEpoch > one.leaderEpoch) partitions[i] = older;
  });
}

import { assert } from '@edgelog/base';
import { illegalTopicName } from '@edgelog/wire';
import type { Partition } from '../partition/partition.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { INTERNAL_TOPICS } from './internal-topics.ts';

/** Of one topic, and of all topics that one request creates: Kafka's bound on the latter. */
export const TOPIC_PARTITIONS_MAX = 10_000;
/** Of all topics: a partition costs some 3 KB of memory and a place in every segment's directory. */
export const PARTITIONS_MAX = 100_000;

export interface Topic {
  readonly name: string;
  /** Kafka's topic id: given once, so that a topic created again under an old name is another topic [KIP-516]. */
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: readonly Partition[];
  /** Only what was set for this topic; the rest is default. */
  readonly configs: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly maxMessageBytes: number;
}

/** What is recorded of a topic, but for its partitions. */
export type TopicFacts = Pick<Topic, 'name' | 'id' | 'configs' | 'createdAtMs'>;

type MutableTopic = {
  -readonly [K in keyof Topic]: K extends 'partitions' ? Partition[] : Topic[K];
};

const withoutDots = (name: string): string => name.replaceAll('.', '_');

/** The topics there are, as this broker knows them. Who changes them is `TopicAdmin`. */
export class Topics {
  readonly definitions: ReadonlyMap<string, ConfigDefinition>;
  readonly #byName = new Map<string, MutableTopic>();
  readonly #byId = new Map<string, Topic>();
  /** Topics with a "." in their names, by the names that they have with "_" instead. */
  readonly #dotted = new Map<string, Set<string>>();
  #partitionCount = 0;
  /** Called after a topic or partitions of one have come. */
  readonly whenAdded: ((topic: Topic, added: readonly Partition[]) => void)[] = [];
  /** Called after a topic is gone, while its partitions are still open. */
  readonly whenDeleted: ((topic: Topic) => void)[] = [];

  constructor(definitions: readonly ConfigDefinition[]) {
    this.definitions = new Map(definitions.map((definition) => [definition.name, definition]));
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Topic> {
    return this.#byName.values();
  }

  get count(): number {
    return this.#byName.size;
  }

  /** Whether the broker may have so many partitions more. */
  hasRoomFor(partitions: number): boolean {
    return this.#partitionCount + partitions <= PARTITIONS_MAX;
  }

  /** A topic whose name differs from this one in "." and "_" only, if there is one. */
  colliding(name: string): string | undefined {
    const key = withoutDots(name);
    if (key !== name && this.#byName.has(key)) return key;
    for (const other of this.#dotted.get(key) ?? []) if (other !== name) return other;
    return undefined;
  }

  partition(name: string, index: number): Partition | undefined {
    return this.#byName.get(name)?.partitions[index];
  }

  /** The name is legal and free, the configs are checked. */
  add({ name, id, configs, createdAtMs }: TopicFacts, partitions: readonly Partition[]): Topic {
    assert(illegalTopicName(name) === undefined, `${JSON.stringify(name)} is a legal topic name`);
    assert(!this.#byName.has(name), `topic ${name} does not exist`);
    const maxMessageBytes = this.#maxMessageBytes(configs);
    const isInternal = INTERNAL_TOPICS.has(name);
    const topic: MutableTopic = {
      name,
      id,
      isInternal,
      partitions: [...partitions],
      configs: { ...configs },
      createdAtMs,
      maxMessageBytes,
    };
    this.#byName.set(name, topic);
    this.#byId.set(id, topic);
    this.#partitionCount += partitions.length;
    const key = withoutDots(name);
    if (key !== name) this.#dotted.set(key, (this.#dotted.get(key) ?? new Set()).add(name));
    for (const hook of this.whenAdded) hook(topic, partitions);
    return topic;
  }

  extend(name: string, added: readonly Partition[]): Topic {
    const topic = this.#existing(name);
    this.#partitionCount += added.length;
    topic.partitions.push(...added);
    for (const hook of this.whenAdded) hook(topic, added);
    return topic;
  }

  configure(name: string, configs: Readonly<Record<string, string>>): Topic {
    const topic = this.#existing(name);
    topic.configs = { ...configs };
    topic.maxMessageBytes = this.#maxMessageBytes(configs);
    return topic;
  }

  /** Closes the topic's partitions; their logs are the caller's. */
  remove(name: string): Topic {
    const topic = this.#existing(name);
    this.#byName.delete(name);
    this.#byId.delete(topic.id);
    this.#partitionCount -= topic.partitions.length;
    const key = withoutDots(name);
    const dotted = this.#dotted.get(key);
    if (dotted?.delete(name) && dotted.size === 0) this.#dotted.delete(key);
    for (const hook of this.whenDeleted) hook(topic);
    for (const partition of topic.partitions) partition.close();
    return topic;
  }

  #existing(name: string): MutableTopic {
    const topic = this.#byName.get(name);
    assert(topic !== undefined, `topic ${name} exists`);
    return topic;
  }

  #maxMessageBytes(configs: Readonly<Record<string, string>>): number {
    return Number(configs['max.message.bytes'] ?? this.definitions.get('max.message.bytes')?.default);
  }
}

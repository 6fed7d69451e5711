import { randomUUID } from 'node:crypto';
import { assert } from '@edgelog/base';
import type { LogStore } from '@edgelog/log';
import { z } from 'zod';
import { Partition } from '../partition/partition.ts';
import { putRecord, readRecords } from '../state-record.ts';
import type { ConfigDefinition } from './config-definition.ts';
import { INTERNAL_TOPICS, illegalTopicName } from './topic-name.ts';

const PREFIX = 'topic/';

/** Of one topic, and of all topics that one request creates: Kafka's bound on the latter. */
export const TOPIC_PARTITIONS_MAX = 10_000;
/** Of all topics: a partition costs some 3 KB of memory and a place in every segment's directory. */
export const PARTITIONS_MAX = 100_000;

const topicRecord = z.strictObject({
  /** Kafka's topic id: given once, so that a topic created again under an old name is another topic [KIP-516]. */
  id: z.uuid(),
  partitions: z.int().min(1),
  configs: z.record(z.string(), z.string()),
  createdAtMs: z.int(),
});

export interface Topic {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  readonly partitions: readonly Partition[];
  /** Only what was set for this topic; the rest is default. */
  readonly configs: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly maxMessageBytes: number;
}

type MutableTopic = {
  -readonly [K in keyof Topic]: K extends 'partitions' ? Partition[] : Topic[K];
};

export interface TopicsDeps {
  store: LogStore;
  definitions: readonly ConfigDefinition[];
  now: () => number;
}

const withoutDots = (name: string): string => name.replaceAll('.', '_');

/**
 * The topics of this hub, mirrored from the store's state. A change is visible at once and durable with the store's next
 * commit, in the same transaction as its partitions: tell nobody before `store.flushed()`.
 */
export class Topics {
  readonly definitions: ReadonlyMap<string, ConfigDefinition>;
  readonly #deps: TopicsDeps;
  readonly #byName = new Map<string, MutableTopic>();
  readonly #byId = new Map<string, Topic>();
  /** Topics with a "." in their names, by the names that they have with "_" instead. */
  readonly #dotted = new Map<string, Set<string>>();
  #partitionCount = 0;
  /** Called after a topic is gone, before its deletion is durable. */
  readonly whenDeleted: ((topic: Topic) => void)[] = [];

  constructor(deps: TopicsDeps) {
    this.#deps = deps;
    this.definitions = new Map(deps.definitions.map((definition) => [definition.name, definition]));
    for (const [name, record] of readRecords(deps.store.state, PREFIX, topicRecord)) this.#add(name, record);
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
  create(name: string, partitions: number, configs: Readonly<Record<string, string>> = {}): Topic {
    assert(illegalTopicName(name) === undefined, `${JSON.stringify(name)} is a legal topic name`);
    assert(!this.#byName.has(name), `topic ${name} does not exist`);
    const record = {
      id: randomUUID(),
      partitions,
      configs: { ...configs },
      createdAtMs: this.#deps.now(),
    };
    const topic = this.#add(name, record);
    this.#put(topic);
    return topic;
  }

  /** Raises the number of partitions to `count`, which is more than there are. */
  addPartitions(name: string, count: number): void {
    const topic = this.#existing(name);
    assert(count > topic.partitions.length, `${count} is more partitions than topic ${name} has`);
    this.#partitionCount += count - topic.partitions.length;
    topic.partitions.push(...this.#partitions(name, topic.partitions.length, count));
    this.#put(topic);
  }

  /** Replaces what is set for the topic; the configs are checked. */
  setConfigs(name: string, configs: Readonly<Record<string, string>>): void {
    const topic = this.#existing(name);
    topic.configs = { ...configs };
    topic.maxMessageBytes = this.#maxMessageBytes(configs);
    this.#put(topic);
  }

  delete(name: string): void {
    const topic = this.#existing(name);
    this.#byName.delete(name);
    this.#byId.delete(topic.id);
    this.#partitionCount -= topic.partitions.length;
    const key = withoutDots(name);
    const dotted = this.#dotted.get(key);
    if (dotted?.delete(name) && dotted.size === 0) this.#dotted.delete(key);
    this.#deps.store.state.delete(PREFIX + name);
    for (const hook of this.whenDeleted) hook(topic);
    for (const partition of topic.partitions) {
      this.#deps.store.deletePartition(partition.log.name);
      partition.close();
    }
  }

  #add(name: string, record: z.infer<typeof topicRecord>): Topic {
    const partitions = this.#partitions(name, 0, record.partitions);
    const { id, configs, createdAtMs } = record;
    const maxMessageBytes = this.#maxMessageBytes(configs);
    const isInternal = INTERNAL_TOPICS.has(name);
    const topic: MutableTopic = { name, id, isInternal, partitions, configs, createdAtMs, maxMessageBytes };
    this.#byName.set(name, topic);
    this.#byId.set(id, topic);
    this.#partitionCount += partitions.length;
    const key = withoutDots(name);
    if (key !== name) this.#dotted.set(key, (this.#dotted.get(key) ?? new Set()).add(name));
    return topic;
  }

  #existing(name: string): MutableTopic {
    const topic = this.#byName.get(name);
    assert(topic !== undefined, `topic ${name} exists`);
    return topic;
  }

  #partitions(name: string, from: number, to: number): Partition[] {
    const { store } = this.#deps;
    return Array.from({ length: to - from }, (_, i) => {
      const index = from + i;
      return new Partition(name, index, store.createPartition(`${name}-${index}`));
    });
  }

  #maxMessageBytes(configs: Readonly<Record<string, string>>): number {
    return Number(configs['max.message.bytes'] ?? this.definitions.get('max.message.bytes')?.default);
  }

  #put({ name, id, partitions, configs, createdAtMs }: Topic): void {
    const record = { id, partitions: partitions.length, configs: { ...configs }, createdAtMs };
    putRecord(this.#deps.store.state, PREFIX + name, topicRecord, record);
  }
}

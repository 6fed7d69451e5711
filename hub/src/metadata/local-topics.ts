import { randomUUID } from 'node:crypto';
import type { LogStore } from '@edgelog/log';
import { z } from 'zod';
import { Partition } from '../partition/partition.ts';
import { StandaloneReplication, standaloneLeadership } from '../partition/standalone.ts';
import { putRecord, readRecords } from '../state-record.ts';
import type { Configs, NewTopic, Placement, Refused, TopicAdmin } from './topic-admin.ts';
import type { Topic, Topics } from './topics.ts';

const PREFIX = 'topic/';

const topicRecord = z.strictObject({
  id: z.uuid(),
  partitions: z.int().min(1),
  configs: z.record(z.string(), z.string()),
  createdAtMs: z.int(),
});

export interface LocalTopicsDeps {
  readonly topics: Topics;
  readonly store: LogStore;
  readonly nodeId: number;
  readonly now: () => number;
}

/**
 * The topics of a standalone broker, in the store's state. A change is visible at once and durable with the store's next
 * commit, in the same transaction as its partitions.
 */
export class LocalTopics implements TopicAdmin {
  readonly defaultReplicas = 1;
  readonly #deps: LocalTopicsDeps;
  readonly #leadership: ReturnType<typeof standaloneLeadership>;

  /** Fills `topics` with those of the store. */
  constructor(deps: LocalTopicsDeps) {
    this.#deps = deps;
    this.#leadership = standaloneLeadership(deps.nodeId);
    for (const [name, record] of readRecords(deps.store.state, PREFIX, topicRecord)) {
      deps.topics.add({ name, ...record }, this.#partitions(name, 0, record.partitions));
    }
  }

  checkPlacement(placement: Placement): Refused | undefined {
    const { nodeId } = this.#deps;
    if ('assignment' in placement) {
      return placement.assignment.every((ids) => ids.length === 1 && ids[0] === nodeId)
        ? undefined
        : {
            error: 'INVALID_REPLICA_ASSIGNMENT',
            message: `the only broker is ${nodeId}: one replica, there`,
          };
    }
    const { replicas } = placement;
    return replicas === -1 || replicas === 1
      ? undefined
      : { error: 'INVALID_REPLICATION_FACTOR', message: `replication factor ${replicas} with 1 broker` };
  }

  async create({ name, partitions, configs }: Omit<NewTopic, 'placement'>): Promise<Topic> {
    const { topics, now } = this.#deps;
    const facts = { name, id: randomUUID(), configs, createdAtMs: now() };
    const topic = topics.add(facts, this.#partitions(name, 0, partitions));
    await this.#put(topic);
    return topic;
  }

  async delete({ name }: Topic): Promise<undefined> {
    const { topics, store } = this.#deps;
    store.state.delete(PREFIX + name);
    for (const { log } of topics.remove(name).partitions) store.deletePartition(log.name);
    await store.flushed();
  }

  async addPartitions({ name, partitions }: Topic, count: number): Promise<undefined> {
    await this.#put(this.#deps.topics.extend(name, this.#partitions(name, partitions.length, count)));
  }

  async setConfigs({ name }: Topic, configs: Configs): Promise<undefined> {
    await this.#put(this.#deps.topics.configure(name, configs));
  }

  #partitions(name: string, from: number, to: number): Partition[] {
    const { store } = this.#deps;
    return Array.from({ length: to - from }, (_, i) => {
      const index = from + i;
      const log = store.createPartition(`${name}-${index}`);
      return new Partition(name, index, log, new StandaloneReplication(log, this.#leadership));
    });
  }

  #put({ name, id, partitions, configs, createdAtMs }: Topic): Promise<void> {
    const { store } = this.#deps;
    const record = { id, partitions: partitions.length, configs: { ...configs }, createdAtMs };
    putRecord(store.state, PREFIX + name, topicRecord, record);
    return store.flushed();
  }
}

import { OFFSETS_TOPIC } from '../metadata/internal-topics.ts';
import type { TopicAdmin } from '../metadata/topic-admin.ts';
import { DEFAULT_PLACEMENT, isRefused, type Refused } from '../metadata/topic-admin.ts';
import type { Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';

/** The coordinator keeps the latest record of each key (checkpoint.ts). */
export const OFFSETS_TOPIC_CONFIGS = { 'cleanup.policy': 'compact' };

export interface OffsetsTopicDeps {
  readonly topics: Topics;
  readonly topicAdmin: TopicAdmin;
  /** For when it is created; afterwards the topic itself tells. */
  readonly partitions: number;
}

/** `__consumer_offsets`: a standalone broker has it from the start, a cluster from the first group on. */
export class OffsetsTopic {
  readonly #deps: OffsetsTopicDeps;
  #creating: Promise<Refused | undefined> | undefined;

  constructor(deps: OffsetsTopicDeps) {
    this.#deps = deps;
  }

  /** Led by whomever; undefined as long as it does not exist. Their number never changes. */
  get partitions(): readonly Partition[] | undefined {
    return this.#deps.topics.get(OFFSETS_TOPIC)?.partitions;
  }

  /** Makes it if it does not exist. Brokers that do so at once agree on one. */
  async ensure(): Promise<Refused | undefined> {
    if (this.partitions !== undefined) return undefined;
    this.#creating ??= this.#create().finally(() => {
      this.#creating = undefined;
    });
    return this.#creating;
  }

  async #create(): Promise<Refused | undefined> {
    const { topicAdmin, partitions } = this.#deps;
    const misplaced = topicAdmin.checkPlacement(DEFAULT_PLACEMENT, partitions);
    if (misplaced !== undefined) return misplaced;
    const outcome = await topicAdmin.create({
      name: OFFSETS_TOPIC,
      partitions,
      configs: OFFSETS_TOPIC_CONFIGS,
      placement: DEFAULT_PLACEMENT,
    });
    return isRefused(outcome) && outcome.error !== 'TOPIC_ALREADY_EXISTS' ? outcome : undefined;
  }
}

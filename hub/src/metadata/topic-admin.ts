import type { ErrorName } from '@edgelog/wire';
import type { Topic } from './topics.ts';

/** Why something was not done, as Kafka names it. */
export interface Refused {
  readonly error: ErrorName;
  readonly message: string;
}

export type Configs = Readonly<Record<string, string>>;

/** Who is to have partitions: replica lists, each in order of preference, or how many replicas (−1: the default). */
export type Placement =
  | { readonly assignment: readonly (readonly number[])[] }
  | { readonly replicas: number };

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Configs;
  readonly placement: Placement;
}

/**
 * How topics are changed, in the store of a standalone broker or in the metadata of a cluster. What is asked for was checked
 * but for its placement; a standalone broker applies it before the call returns. Promises resolve when it is durable and
 * this broker's `Topics` have it.
 */
export interface TopicAdmin {
  /** Replicas of a topic for which nothing else is asked. */
  readonly defaultReplicas: number;
  /** What speaks against this placement of so many partitions now, in a new topic or added to `topic`. */
  checkPlacement(placement: Placement, partitions: number, topic?: Topic): Refused | undefined;
  create(topic: NewTopic): Promise<Topic | Refused>;
  delete(topic: Topic): Promise<Refused | undefined>;
  /** Raises the number of partitions to `count`; the placement is that of the added ones. */
  addPartitions(topic: Topic, count: number, placement: Placement): Promise<Refused | undefined>;
  /** Replaces what is set for the topic, if it is still set as `topic` says. */
  setConfigs(topic: Topic, configs: Configs): Promise<Refused | undefined>;
}

/** Where nothing else is asked for. */
export const DEFAULT_PLACEMENT: Placement = { replicas: -1 };

export function isRefused(outcome: Topic | Refused): outcome is Refused {
  return 'error' in outcome;
}

import { OFFSETS_TOPIC } from '../metadata/internal-topics.ts';
import type { Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import type { GroupService } from './service.ts';

/** How often is looked at what nobody tells: that this broker may not be sure any more that it leads, or is again. */
const LOOK_EVERY_MS = 1_000;

export interface OffsetsLeadershipDeps {
  readonly topics: Topics;
  readonly groups: GroupService;
  /** Whether the leaders of partitions ever change. */
  readonly isClustered: boolean;
}

/** Makes the coordinator follow the leaders of `__consumer_offsets`, and forget what was committed for deleted topics. */
export class OffsetsLeadership {
  readonly #groups: GroupService;
  readonly #watched = new Map<Partition, () => void>();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor({ topics, groups, isClustered }: OffsetsLeadershipDeps) {
    this.#groups = groups;
    topics.whenAdded.push(({ name }, added) => {
      if (name === OFFSETS_TOPIC) this.#watch(added);
    });
    topics.whenDeleted.push(({ name }) => groups.topicDeleted(name));
    this.#watch(topics.get(OFFSETS_TOPIC)?.partitions ?? []);
    if (isClustered) this.#timer = setInterval(() => this.#lookAtAll(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const [partition, look] of this.#watched) partition.whenChanged.delete(look);
    this.#watched.clear();
  }

  #watch(partitions: Iterable<Partition>): void {
    for (const partition of partitions) {
      const look = () => {
        this.#groups.look(partition);
        if (!partition.isClosed) return;
        partition.whenChanged.delete(look);
        this.#watched.delete(partition);
      };
      this.#watched.set(partition, look);
      partition.whenChanged.add(look);
      look();
    }
  }

  #lookAtAll(): void {
    for (const look of [...this.#watched.values()]) look();
  }
}

import type { Comparison } from '@edgelog/etcd';
import type { TopicEntry } from '../mirror/entries.ts';
import type { Metadata } from '../mirror/metadata.ts';
import { SWAPS_PER_TXN, type SwapDeps } from './swaps.ts';

/** Partitions are recorded before their topic, within so long; a topic that comes later finds them gone and is not made. */
export const ORPHAN_MS = 60_000;

interface Orphans {
  readonly topicId: string;
  /** The topic that they are beyond the end of; undefined where there is no topic. */
  readonly topic: TopicEntry | undefined;
}

/** Removes the partition records that no topic has: of deleted topics at once, those of unfinished creations after a while. */
export class OrphanRemover {
  readonly #deps: SwapDeps;
  readonly #now: () => number;
  /** When orphans of a topic id were first seen; −∞ for a topic whose deletion was. */
  readonly #since = new Map<string, number>();

  constructor(deps: SwapDeps, now: () => number) {
    this.#deps = deps;
    this.#now = now;
  }

  topicDeleted(topicId: string): void {
    this.#since.set(topicId, Number.NEGATIVE_INFINITY);
  }

  async remove(term: Comparison): Promise<void> {
    const { metadata } = this.#deps.mirror;
    const found = [...orphansIn(metadata)];
    const ids = new Set(found.map(({ topicId }) => topicId));
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id);
    for (const one of found) {
      const since = this.#since.get(one.topicId) ?? this.#now();
      this.#since.set(one.topicId, since);
      // They may be those of a topic whose record cannot be read.
      if (since > Number.NEGATIVE_INFINITY && metadata.hasUnreadTopics) continue;
      if (this.#now() - since >= ORPHAN_MS) await this.#removeOf(one, term);
    }
  }

  async #removeOf({ topicId, topic }: Orphans, term: Comparison): Promise<void> {
    const { keys, writes, mirror } = this.#deps;
    if (topic === undefined) {
      await writes.txn({ compare: [term], success: [{ delete: { prefix: keys.partitionsOf(topicId) } }] });
      return;
    }
    // The lowest first: who adds partitions looks whether it is still there.
    const beyond = Array.from(mirror.metadata.recordedPartitionsOf(topicId))
      .filter(({ index }) => index >= topic.record.partitions)
      .sort((a, b) => a.index - b.index)
      .slice(0, SWAPS_PER_TXN);
    await writes.txn({
      compare: [term, { key: keys.topic(topic.name), modRevision: topic.revision }],
      success: beyond.map(({ index }) => ({ delete: { key: keys.partition(topicId, index) } })),
    });
  }
}

function* orphansIn(metadata: Metadata): Iterable<Orphans> {
  for (const topicId of metadata.recordedTopicIds()) {
    const topic = metadata.topicById(topicId);
    if (topic === undefined) yield { topicId, topic };
    else if (metadata.recordedCount(topicId) > topic.record.partitions) yield { topicId, topic };
  }
}

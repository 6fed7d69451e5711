import type { TopicState } from './check-topic.ts';
import { CommitLedger } from './commit-ledger.ts';
import { type Keeping, PartitionLedger } from './partition-ledger.ts';
import { Possible } from './possible.ts';

/** Everything that clients know of a hub. */
export class Book {
  readonly partitions = new Map<string, PartitionLedger>();
  readonly topics = new Map<string, Possible<TopicState | undefined>>();
  readonly commits = new Map<
    string,
    { groupId: string; topic: string; index: number; ledger: CommitLedger }
  >();
  readonly producerIds = new Set<number>();
  /** What clients found to be wrong by themselves. */
  readonly violations: string[] = [];

  topic(name: string): Possible<TopicState | undefined> {
    const known = this.topics.get(name) ?? new Possible<TopicState | undefined>(undefined);
    this.topics.set(name, known);
    return known;
  }

  partition(topic: string, index: number, keeping?: Keeping): PartitionLedger {
    const known = this.partitions.get(`${topic}-${index}`) ?? new PartitionLedger(topic, index, keeping);
    this.partitions.set(`${topic}-${index}`, known);
    return known;
  }

  commit(groupId: string, topic: string, index: number): CommitLedger {
    const key = `${groupId}/${topic}-${index}`;
    const known = this.commits.get(key)?.ledger ?? new CommitLedger(groupId, topic, index);
    this.commits.set(key, { groupId, topic, index, ledger: known });
    return known;
  }

  /** The topic is gone, and its records with it. */
  forget(topic: string): void {
    for (const [key, ledger] of this.partitions) if (ledger.topic === topic) this.partitions.delete(key);
  }
}

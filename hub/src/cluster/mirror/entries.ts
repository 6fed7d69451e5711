import type { BrokerRecord, DirectoryRecord, PartitionRecord } from '@edgelog/cluster';
import type { KeyValue } from '@edgelog/etcd';
import type { TopicRecord } from '../records.ts';

/** What a key of the metadata holds, and when it came to. */
interface Entry<Record> {
  readonly record: Record;
  /** Of the key's last change: what a swap compares. */
  readonly revision: number;
}

interface Leased {
  /** Of the key's creation: what stands for this registration or this term, and no other. */
  readonly epoch: number;
  readonly lease: string | undefined;
}

export interface BrokerEntry extends Entry<BrokerRecord>, Leased {
  readonly id: number;
}

export interface DirectoryEntry extends Entry<DirectoryRecord> {
  readonly id: number;
}

export interface ControllerEntry extends Entry<{ readonly brokerId: number }>, Leased {}

export interface TopicEntry extends Entry<TopicRecord> {
  readonly name: string;
}

export interface PartitionEntry extends Entry<PartitionRecord> {
  readonly topicId: string;
  readonly index: number;
}

export interface Changed<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** All that one revision changed, or a reset of the watch, as compared with what was known. */
export interface MetadataChanges {
  readonly revision: number;
  /** A backup of etcd was put back: what is no longer there was not deleted by anybody. */
  readonly isRestored: boolean;
  /** One with another `record.id` than before was deleted and made again. */
  readonly topics: readonly Changed<TopicEntry>[];
  /** Of topics that are visible before or after; those of a topic that came or went are here too. */
  readonly partitions: readonly Changed<PartitionEntry>[];
  readonly brokers: readonly Changed<BrokerEntry>[];
  readonly directories: readonly Changed<DirectoryEntry>[];
  readonly controller: Changed<ControllerEntry> | undefined;
  /** Keys of other folders, without the prefix, as they are. */
  readonly others: readonly (Changed<KeyValue> & { readonly path: string })[];
}

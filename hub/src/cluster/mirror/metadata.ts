import { type BrokerState, type BrokerStates, isAccepted } from '@edgelog/cluster';
import type { KeyValue } from '@edgelog/etcd';
import type {
  BrokerEntry,
  Changed,
  ControllerEntry,
  DirectoryEntry,
  MetadataChanges,
  PartitionEntry,
  TopicEntry,
} from './entries.ts';
import { type Entries, type Folder, parseEntry, partitionOf, split, wholeNumber } from './parse.ts';

/** A key of the range, without the prefix, and what it holds now; undefined where it is gone. */
export interface RawChange {
  readonly path: string;
  readonly kv: KeyValue | undefined;
}

type Fault = (kv: KeyValue, error: Error) => void;

/**
 * The cluster's metadata in memory: what the keys hold, typed, and what follows from them. A record that cannot be read counts as
 * not there; a topic stays what it was, since one that goes takes its data with it. Partitions are visible once their topic is, and below the number of partitions that it says.
 */
export class Metadata {
  readonly #onFault: Fault;
  readonly #brokers = new Map<number, BrokerEntry>();
  readonly #directories = new Map<number, DirectoryEntry>();
  readonly #topics = new Map<string, TopicEntry>();
  readonly #topicsById = new Map<string, TopicEntry>();
  readonly #partitions = new Map<string, Map<number, PartitionEntry>>();
  readonly #others = new Map<string, KeyValue>();
  /** Paths of topics and partitions that are recorded and cannot be read. */
  readonly #unread = new Set<string>();
  #controller: ControllerEntry | undefined;

  constructor(onFault: Fault) {
    this.#onFault = onFault;
  }

  broker(id: number): BrokerEntry | undefined {
    return this.#brokers.get(id);
  }

  brokers(): Iterable<BrokerEntry> {
    return this.#brokers.values();
  }

  directory(id: number): DirectoryEntry | undefined {
    return this.#directories.get(id);
  }

  directories(): Iterable<DirectoryEntry> {
    return this.#directories.values();
  }

  get controller(): ControllerEntry | undefined {
    return this.#controller;
  }

  topic(name: string): TopicEntry | undefined {
    return this.#topics.get(name);
  }

  topicById(id: string): TopicEntry | undefined {
    return this.#topicsById.get(id);
  }

  topics(): Iterable<TopicEntry> {
    return this.#topics.values();
  }

  partition(topicId: string, index: number): PartitionEntry | undefined {
    return this.#isVisible(topicId, index) ? this.#partitions.get(topicId)?.get(index) : undefined;
  }

  /** All that are visible. */
  *partitions(): Iterable<PartitionEntry> {
    for (const entry of this.recordedPartitions()) {
      if (this.#isVisible(entry.topicId, entry.index)) yield entry;
    }
  }

  /** Visible or not. */
  *recordedPartitions(): Iterable<PartitionEntry> {
    for (const partitions of this.#partitions.values()) yield* partitions.values();
  }

  /** Topics that partitions are recorded of, visible or not. */
  recordedTopicIds(): Iterable<string> {
    return this.#partitions.keys();
  }

  recordedPartitionsOf(topicId: string): Iterable<PartitionEntry> {
    return this.#partitions.get(topicId)?.values() ?? [];
  }

  recordedCount(topicId: string): number {
    return this.#partitions.get(topicId)?.size ?? 0;
  }

  /** Whether there are topics of which nothing is known: what belongs to no topic that is known may be theirs. */
  get hasUnreadTopics(): boolean {
    for (const path of this.#unread) if (path.startsWith('topics/')) return true;
    return false;
  }

  /** Whether the partition is recorded, in a way that cannot be read. */
  isUnread(topicId: string, index: number): boolean {
    return this.#unread.has(`partitions/${topicId}/${index}`);
  }

  /** Keys of folders that are not typed here, without the prefix. */
  others(): Iterable<[path: string, kv: KeyValue]> {
    return this.#others;
  }

  /** What elections ask about a broker. */
  readonly states: BrokerStates = (id): BrokerState => {
    const entry = this.#brokers.get(id);
    if (entry === undefined) return GONE;
    const { record, epoch } = entry;
    const lostData = !isAccepted(record, this.#directories.get(id)?.record);
    return { epoch, draining: record.draining, lostData };
  };

  /** What replaces all that is known, as changes: what is no longer there goes, what is as it was is left out. */
  differences(kvs: ReadonlyMap<string, KeyValue>): RawChange[] {
    const changes: RawChange[] = [];
    for (const path of this.#paths()) if (!kvs.has(path)) changes.push({ path, kv: undefined });
    for (const [path, kv] of kvs) changes.push({ path, kv });
    return changes;
  }

  /** All of one revision at once. */
  apply(revision: number, raw: readonly RawChange[], isRestored = false): MetadataChanges {
    const topics: Changed<TopicEntry>[] = [];
    const brokers: Changed<BrokerEntry>[] = [];
    const directories: Changed<DirectoryEntry>[] = [];
    const others: (Changed<KeyValue> & { path: string })[] = [];
    let controller: Changed<ControllerEntry> | undefined;
    const partitions = new VisibleBefore(this);
    for (const { path, kv } of raw) {
      const [folder, rest] = split(path);
      switch (folder) {
        case 'brokers':
          note(this.#brokers, idOf(rest), this.#parse(folder, rest, kv), brokers);
          break;
        case 'directories':
          note(this.#directories, idOf(rest), this.#parse(folder, rest, kv), directories);
          break;
        case 'controller': {
          const change = changed(this.#controller, this.#parse(folder, rest, kv));
          if (change !== undefined) this.#controller = change.after;
          controller = change ?? controller;
          break;
        }
        case 'topics': {
          const entry = this.#parse(folder, rest, kv);
          this.#noteUnread(path, kv, entry);
          if (kv !== undefined && entry === undefined) break;
          const change = changed(this.#topics.get(rest), entry);
          if (change === undefined) break;
          partitions.ofTopic(change);
          this.#setTopic(rest, change);
          topics.push(change);
          break;
        }
        case 'partitions': {
          const entry = this.#parse(folder, rest, kv);
          this.#noteUnread(path, kv, entry);
          this.#setPartition(rest, entry, partitions);
          break;
        }
        default: {
          const before = this.#others.get(path);
          if (before?.modRevision === kv?.modRevision && (kv === undefined || before!.value.equals(kv.value)))
            break;
          set(this.#others, path, kv);
          others.push({ path, before, after: kv });
        }
      }
    }
    const changes = { partitions: partitions.changes(), brokers, directories, controller, others };
    return { revision, isRestored, topics, ...changes };
  }

  #noteUnread(path: string, kv: KeyValue | undefined, entry: object | undefined): void {
    if (kv !== undefined && entry === undefined) this.#unread.add(path);
    else this.#unread.delete(path);
  }

  #setTopic(name: string, { before, after }: Changed<TopicEntry>): void {
    set(this.#topics, name, after);
    const id = before?.record.id;
    if (id !== undefined && this.#topicsById.get(id) === before) this.#topicsById.delete(id);
    if (after !== undefined) this.#topicsById.set(after.record.id, after);
  }

  #setPartition(rest: string, after: PartitionEntry | undefined, seen: VisibleBefore): void {
    const key = attempt(() => partitionOf(rest));
    if (key === undefined) return;
    const partitions = this.#partitions.get(key.topicId) ?? new Map<number, PartitionEntry>();
    if (changed(partitions.get(key.index), after) === undefined) return;
    seen.note(key.topicId, key.index);
    set(partitions, key.index, after);
    if (partitions.size > 0) this.#partitions.set(key.topicId, partitions);
    else this.#partitions.delete(key.topicId);
  }

  #isVisible(topicId: string, index: number): boolean {
    const topic = this.#topicsById.get(topicId);
    return topic !== undefined && index < topic.record.partitions;
  }

  #parse<F extends Folder>(folder: F, rest: string, kv: KeyValue | undefined): Entries[F] | undefined {
    if (kv === undefined) return undefined;
    try {
      return parseEntry(folder, rest, kv);
    } catch (error) {
      this.#onFault(kv, error as Error);
      return undefined;
    }
  }

  *#paths(): Iterable<string> {
    for (const id of this.#brokers.keys()) yield `brokers/${id}`;
    for (const id of this.#directories.keys()) yield `directories/${id}`;
    for (const name of this.#topics.keys()) yield `topics/${name}`;
    for (const { topicId, index } of this.recordedPartitions()) yield `partitions/${topicId}/${index}`;
    if (this.#controller !== undefined) yield 'controller';
    yield* this.#unread;
    yield* this.#others.keys();
  }
}

const GONE: BrokerState = { epoch: undefined, draining: false, lostData: false };

/** The partitions that a batch of changes may touch, as they were visible before it. */
class VisibleBefore {
  readonly #metadata: Metadata;
  readonly #before = new Map<string, Changed<PartitionEntry> & { topicId: string; index: number }>();

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  note(topicId: string, index: number): void {
    const key = `${topicId}/${index}`;
    if (this.#before.has(key)) return;
    const before = this.#metadata.partition(topicId, index);
    this.#before.set(key, { topicId, index, before, after: undefined });
  }

  /** All of its partitions, where their number or the topic itself changes. */
  ofTopic({ before, after }: Changed<TopicEntry>): void {
    if (before?.record.id === after?.record.id && before?.record.partitions === after?.record.partitions)
      return;
    for (const entry of [before, after]) {
      if (entry === undefined) continue;
      const topicId = entry.record.id;
      for (const { index } of this.#metadata.recordedPartitionsOf(topicId)) this.note(topicId, index);
    }
  }

  changes(): Changed<PartitionEntry>[] {
    const changes: Changed<PartitionEntry>[] = [];
    for (const { topicId, index, before } of this.#before.values()) {
      const after = this.#metadata.partition(topicId, index);
      if (after !== before) changes.push({ before, after });
    }
    return changes;
  }
}

/** Undefined where nothing has changed. */
function changed<T extends { readonly revision: number }>(
  before: T | undefined,
  after: T | undefined,
): Changed<T> | undefined {
  if (before === undefined && after === undefined) return undefined;
  const isSame = before?.revision === after?.revision && JSON.stringify(before) === JSON.stringify(after);
  return isSame ? undefined : { before, after };
}

function note<T extends { readonly revision: number }>(
  map: Map<number, T>,
  id: number | undefined,
  after: T | undefined,
  into: Changed<T>[],
): void {
  if (id === undefined) return;
  const change = changed(map.get(id), after);
  if (change === undefined) return;
  set(map, id, after);
  into.push(change);
}

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** Undefined for a key that is no broker's: it is reported as a fault where it holds something. */
const idOf = (rest: string): number | undefined => attempt(() => wholeNumber(rest));

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

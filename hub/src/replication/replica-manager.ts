import type { LogStore, StoredDamage } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { apis, illegalTopicName } from '@edgelog/wire';
import type {
  BrokerSession,
  Changed,
  ClusterKeys,
  GuardedWrites,
  MetadataChanges,
  MetadataMirror,
  PartitionEntry,
  TopicEntry,
} from '../cluster/index.ts';
import { type BrokerConfigs, moveRateOf } from '../metadata/dynamic-broker-config.ts';
import type { Topics } from '../metadata/topics.ts';
import { BROKER_CLIENT_ID } from '../net/broker-client-id.ts';
import type { FramePool } from '../net/frame-pool.ts';
import { logName, parseLogName } from '../partition/log-name.ts';
import { Partition } from '../partition/partition.ts';
import type { HubSettings } from '../settings.ts';
import type { RecordTable } from '../sync/record-table.ts';
import { Elsewhere } from './elsewhere.ts';
import { Fetcher } from './fetcher.ts';
import { HighWatermarks } from './high-watermarks.ts';
import { IsrSwaps } from './isr-swaps.ts';
import { KeptLogs } from './kept-logs.ts';
import { MoveThrottle } from './move-throttle.ts';
import { Peers } from './peers.ts';
import { Replica, type ReplicaHost } from './replica.ts';

export interface ReplicaManagerDeps {
  readonly brokerId: number;
  readonly settings: Pick<HubSettings, 'replicaLagMs'>;
  readonly store: LogStore;
  /** Filled with the topics of the metadata. */
  readonly topics: Topics;
  readonly mirror: MetadataMirror;
  readonly session: BrokerSession;
  readonly writes: GuardedWrites;
  readonly keys: ClusterKeys;
  readonly brokerConfigs: RecordTable<BrokerConfigs>;
  /** The metadata is older than what this broker has seen: a backup of etcd was put back. */
  readonly isMetadataOld: boolean;
  /** Of what is fetched. */
  readonly frames: FramePool;
  readonly log: Logger;
}

/**
 * Makes this broker what the cluster's metadata says: the topics that there are, the logs of partitions that it has a replica of, and
 * who leads or follows whom.
 */
export class ReplicaManager {
  /** The other brokers. */
  readonly peers: Peers;
  /** Awaited before the log of a partition that is here no more goes: whoever needs what it holds writes that elsewhere. */
  beforeDeletion: () => Promise<void> = () => Promise.resolve();
  readonly #deps: ReplicaManagerDeps;
  readonly #host: ReplicaHost;
  readonly #replicas = new Map<string, Replica>();
  readonly #fetchers = new Map<number, Fetcher>();
  readonly #throttle: MoveThrottle;
  /** The fetcher that a replica is with. */
  readonly #fetcherOf = new Map<Replica, Fetcher>();
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #closed = false;
  /** The cluster's id has changed under this broker's feet. */
  #isLost = false;
  #healings = 0;
  /** What the metadata no longer tells of was forgotten, not deleted. */
  #keepsLogs = false;
  readonly #kept: KeptLogs;

  /** The mirror has read the metadata; the broker is not registered yet. */
  constructor(deps: ReplicaManagerDeps) {
    const { brokerId: nodeId, store, mirror, session, writes, keys, log } = deps;
    const lagMsMax = deps.settings.replicaLagMs;
    this.#deps = deps;
    this.#kept = new KeptLogs(store);
    this.#throttle = new MoveThrottle(
      () => moveRateOf(deps.brokerConfigs.get(String(nodeId))),
      () => performance.now(),
    );
    this.peers = new Peers((id) => mirror.metadata.broker(id)?.record.kafka, `${BROKER_CLIENT_ID}${nodeId}`);
    const epoch = new TurnsEpoch(session);
    this.#host = {
      nodeId,
      lagMsMax,
      store,
      highWatermarks: new HighWatermarks(store),
      swaps: new IsrSwaps(writes, keys),
      log,
      get epoch() {
        return epoch.now;
      },
      states: mirror.metadata.states,
      registration: (id) => mirror.metadata.broker(id)?.epoch,
      healed: () => {
        this.#healings += 1;
      },
      joinable: (id) => {
        const { epoch, draining, lostData } = mirror.metadata.states(id);
        return draining || lostData ? undefined : epoch;
      },
      follow: (replica, leaderId) => this.#follow(replica, leaderId),
      now: () => performance.now(),
    };
    for (const topic of mirror.metadata.topics()) this.#add(topic);
    this.#deleteOldLogs();
    this.#unsubscribe = mirror.onChange((changes) => this.#onChange(changes));
    session.onRegistered(() => this.#reconsider());
    session.onLost(() => this.#reconsider());
    this.#timer = setInterval(() => this.#propose(), lagMsMax / 2).unref();
  }

  replicas(): Iterable<Replica> {
    return this.#replicas.values();
  }

  /** Damaged replicas that were dropped from the damage on, to be fetched again. */
  get healings(): number {
    return this.#healings;
  }

  /** A read of a log has met what is damaged. */
  onDamage({ partition, baseOffset }: StoredDamage): void {
    const { topicId, index } = parseLogName(partition) ?? {};
    if (topicId === undefined || index === undefined) return;
    const replica = this.#replicas.get(keyOf(topicId, index));
    // Whoever reads is in the middle of it.
    if (replica !== undefined) queueMicrotask(() => replica.onDamage(baseOffset));
  }

  /** Leads and follows no more, and saves what the next start begins with. The store is still open. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
    for (const replica of this.#replicas.values()) replica.end();
    await Promise.all(Array.from(this.#fetchers.values(), (fetcher) => fetcher.close()));
    this.peers.close();
    this.#host.highWatermarks.close();
  }

  #onChange({ topics, partitions, brokers, others, isRestored }: MetadataChanges): void {
    if (others.some(({ path }) => path === 'cluster')) this.#isLost = true;
    if (this.#isLost) {
      // Another cluster's metadata, or none: no reason to delete anything.
      this.#deps.log.error('the metadata of the cluster is gone: nothing is changed here until a restart');
      return;
    }
    if (brokers.length > 0) this.peers.brokersChanged();
    this.#keepsLogs = isRestored;
    for (const change of topics) this.#onTopic(change);
    for (const { after } of partitions) if (after !== undefined) this.#place(after);
    this.#keepsLogs = false;
  }

  #onTopic({ before, after }: Changed<TopicEntry>): void {
    if (before !== undefined && after?.record.id !== before.record.id) this.#remove(before);
    if (after === undefined) return;
    if (before?.record.id !== after.record.id) this.#add(after);
    else this.#change(after);
  }

  #add({ name, record }: TopicEntry): void {
    const { topics, log } = this.#deps;
    const illegal = illegalTopicName(name);
    if (illegal !== undefined) {
      log.error('topic in the metadata left out', { topic: name, reason: illegal });
      return;
    }
    topics.add({ name, ...record }, this.#partitions(name, 0, record.partitions));
    this.#placeFrom(record.id, 0, record.partitions);
  }

  #change({ name, record }: TopicEntry): void {
    const { topics } = this.#deps;
    const topic = topics.get(name);
    if (topic === undefined) return;
    const from = topic.partitions.length;
    if (record.partitions > from) {
      topics.extend(name, this.#partitions(name, from, record.partitions));
      this.#placeFrom(record.id, from, record.partitions);
    }
    topics.configure(name, record.configs);
  }

  #remove({ name, record: { id } }: TopicEntry): void {
    const { topics } = this.#deps;
    if (topics.get(name)?.id !== id) return;
    const { partitions } = topics.remove(name);
    for (const { index } of partitions) this.#drop(id, index);
  }

  #partitions(topic: string, from: number, to: number): Partition[] {
    return Array.from(
      { length: to - from },
      (_, i) => new Partition(topic, from + i, undefined, new Elsewhere(undefined)),
    );
  }

  #placeFrom(topicId: string, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const entry = this.#deps.mirror.metadata.partition(topicId, index);
      if (entry !== undefined) this.#place(entry);
    }
  }

  #place(entry: PartitionEntry): void {
    const { topics, brokerId, store } = this.#deps;
    const { topicId, index, record } = entry;
    const partition = topics.byId(topicId)?.partitions[index];
    if (partition === undefined) return;
    const existing = this.#replicas.get(keyOf(topicId, index));
    if (!record.replicas.includes(brokerId)) {
      partition.become(new Elsewhere(record), undefined);
      if (existing !== undefined) this.#drop(topicId, index);
    } else if (existing !== undefined) existing.onEntry(entry);
    else {
      const log = store.createPartition(logName({ topic: partition.topic, index, topicId }));
      const replica = new Replica(this.#host, partition, log, entry);
      this.#replicas.set(keyOf(topicId, index), replica);
      partition.become(replica, log);
      replica.reconsider();
    }
  }

  #drop(topicId: string, index: number): void {
    const key = keyOf(topicId, index);
    const replica = this.#replicas.get(key);
    if (replica === undefined) return;
    this.#replicas.delete(key);
    replica.end();
    if (this.#keepsLogs) {
      this.#kept.keep(replica.name);
      this.#deps.log.error('log kept: the metadata put back does not know it', { partition: replica.name });
      return;
    }
    this.#host.highWatermarks.forget(replica);
    const remove = (): void => {
      // The next start finds it, or it is a replica again, which cuts what its leader does not have.
      if (this.#closed || this.#replicas.has(key)) return;
      this.#deps.store.deletePartition(replica.name);
      this.#deps.log.info('replica removed', { partition: replica.name });
    };
    this.beforeDeletion().then(remove, (error) =>
      this.#deps.log.warn('replica not removed', { partition: replica.name, error }),
    );
  }

  /** What went while this broker was away. */
  #deleteOldLogs(): void {
    const { store, log, mirror, isMetadataOld } = this.#deps;
    const { metadata } = mirror;
    for (const { name } of [...store.partitions()]) {
      const { topicId, index } = parseLogName(name) ?? {};
      if (topicId === undefined || index === undefined || this.#replicas.has(keyOf(topicId, index))) continue;
      if (isMetadataOld) this.#kept.keep(name);
      if (this.#kept.has(name)) {
        log.error('log kept: the metadata put back does not know it', { partition: name });
        continue;
      }
      if (metadata.isUnread(topicId, index) || (!metadata.topicById(topicId) && metadata.hasUnreadTopics)) {
        log.error('log kept: the metadata of what may be its partition cannot be read', { partition: name });
        continue;
      }
      store.deletePartition(name);
      this.#host.highWatermarks.forgetLog(name);
      log.info('replica removed', { partition: name });
    }
  }

  #reconsider(): void {
    if (this.#closed) return;
    for (const replica of this.#replicas.values()) replica.reconsider();
  }

  #propose(): void {
    for (const replica of this.#replicas.values()) replica.propose();
  }

  #follow(replica: Replica, leaderId: number | undefined): void {
    this.#fetcherOf.get(replica)?.leave(replica);
    this.#fetcherOf.delete(replica);
    if (leaderId === undefined || this.#closed) return;
    const fetcher = this.#fetcherFor(leaderId);
    this.#fetcherOf.set(replica, fetcher);
    fetcher.follow(replica);
  }

  #fetcherFor(leaderId: number): Fetcher {
    const existing = this.#fetchers.get(leaderId);
    if (existing !== undefined) return existing;
    const { brokerId: nodeId, store, frames, log } = this.#deps;
    // Of their own: a snapshot may have to wait until what it tells is committed.
    const snapshots = this.peers.open(leaderId);
    const fetcher = new Fetcher({
      nodeId,
      leaderId,
      link: this.peers.open(leaderId, (bytes) => frames.take(bytes)),
      frames,
      store,
      log,
      throttle: this.#throttle,
      epoch: () => this.#host.epoch,
      snapshot: (body) => snapshots.request(apis.replicaSnapshot, body),
      now: this.#host.now,
    });
    this.#fetchers.set(leaderId, fetcher);
    return fetcher;
  }
}

/** The registration, looked at once for all that is done without a pause: a fetch may ask for thousands of partitions. */
class TurnsEpoch {
  readonly #session: Pick<BrokerSession, 'epoch'>;
  #known: { readonly epoch: number | undefined } | undefined;

  constructor(session: Pick<BrokerSession, 'epoch'>) {
    this.#session = session;
  }

  get now(): number | undefined {
    if (this.#known === undefined) {
      this.#known = { epoch: this.#session.epoch };
      queueMicrotask(() => {
        this.#known = undefined;
      });
    }
    return this.#known.epoch;
  }
}

const keyOf = (topicId: string, index: number): string => `${topicId}/${index}`;

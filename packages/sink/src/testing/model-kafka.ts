import { assert, EdgelogError } from '@edgelog/base';
import { readBatchHeader } from '@edgelog/wire';
import type {
  ClusterConfigs,
  FoundBatch,
  KnownProducers,
  PartitionEnds,
  Place,
  Produced,
  SinkCluster,
  SinkTopic,
  TopicSettings,
} from '../cluster.ts';
import { ModelPartition } from './model-partition.ts';
import type { VirtualTime } from './virtual-time.ts';

interface ModelTopic {
  readonly name: string;
  readonly id: string;
  readonly configs: ReadonlyMap<string, string>;
  readonly partitions: readonly ModelPartition[];
}

export interface ModelOptions {
  readonly time: VirtualTime;
  /** 0 … 1. */
  readonly random: () => number;
  readonly expirationMs: number;
  /** Of a topic that is created without a count. */
  readonly partitions: number;
}

/** A model of a Kafka cluster in virtual time. What happens to it (elections, expiry, deletion) is done to it from outside. */
export class ModelKafka {
  readonly #options: ModelOptions;
  readonly #topics = new Map<string, ModelTopic>();
  #created = 0;
  /** Produce requests that were sent and did not arrive yet, though perhaps nobody waits for them any more. */
  readonly #underWay = new Set<{ readonly producerId: number; readonly sentAt: number }>();

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  get options(): ModelOptions {
    return this.#options;
  }

  create(name: string, { partitions = this.#options.partitions, configs = {} }: TopicSettings): ModelTopic {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const isAppendTime = configs['message.timestamp.type'] === 'LogAppendTime';
    const all = { 'message.timestamp.after.max.ms': '3600000', ...configs };
    const topic = {
      ...{ name, id: `${name}#${++this.#created}`, configs: new Map(Object.entries(all)) },
      partitions: Array.from({ length: partitions }, () => new ModelPartition(isAppendTime)),
    };
    this.#topics.set(name, topic);
    return topic;
  }

  /** Its settings, as an operator changes them. */
  alter(name: string, configs: Readonly<Record<string, string>>): void {
    const topic = this.#topics.get(name);
    assert(topic !== undefined, `${name} is there`);
    const all = new Map([...topic.configs, ...Object.entries(configs)]);
    this.#topics.set(name, { ...topic, configs: all });
  }

  /** Another leader; what it has beyond what is committed is so, once its replicas have it too. */
  elect(partition: ModelPartition, extra: number): void {
    partition.elect(extra);
    const { leaderEpoch } = partition;
    const commit = () => partition.leaderEpoch === leaderEpoch && partition.commit();
    this.#options.time.after(this.#options.random() * ELECTION_MS, commit);
  }

  delete(name: string): void {
    for (const partition of this.#topics.get(name)?.partitions ?? []) partition.elect(0);
    this.#topics.delete(name);
  }

  topic(name: string): ModelTopic | undefined {
    return this.#topics.get(name);
  }

  /** Undefined: the place is of a topic that is gone. */
  at({ topic, topicId, partition }: Place): ModelPartition | undefined {
    const found = this.#topics.get(topic);
    return found?.id === topicId ? found.partitions[partition] : undefined;
  }

  *partitions(): Iterable<ModelPartition> {
    for (const { partitions } of this.#topics.values()) yield* partitions;
  }

  /**
   * The leader forgets producers of old records; but none of whom something is under way for so long that another may have opened the run
   * meanwhile. That is where Kafka gives nothing to hold on to, and the sink only makes it rare (README, "What is left").
   */
  forget(partition: ModelPartition): void {
    const { time, expirationMs } = this.#options;
    const spared = new Set<number>();
    for (const { producerId, sentAt } of this.#underWay) {
      if (time.now - sentAt > REOPENED_MS) spared.add(producerId);
    }
    partition.expire(time.now - expirationMs, (producerId) => spared.has(producerId));
  }

  sent(producerId: number): () => void {
    const request = { producerId, sentAt: this.#options.time.now };
    this.#underWay.add(request);
    return () => this.#underWay.delete(request);
  }

  /** A process of its own, with its own connections. */
  client(): ModelClient {
    return new ModelClient(this);
  }
}

const ANSWER_MS = 15_000;
const COMMIT_MS = 200;
const SLOW_COMMIT_MS = 10_000;
/** No run is opened faster. */
const REOPENED_MS = 20;
const ELECTION_MS = 3_000;
/** Of a request that a client has given up. */
const LATE_MS_MAX = 60_000;

/** What one process has of the cluster. Requests take their time; they, or their answers, may be lost; the process may die. */
export class ModelClient implements SinkCluster {
  readonly clusterId = 'model';
  readonly brokerCount = 3;
  /** Share of requests whose answer is lost, and of those that were never received. */
  lossy = 0;
  readonly #kafka: ModelKafka;
  readonly #topics = new Map<string, SinkTopic>();
  /** Nothing is answered for now. */
  isSilent = false;
  /** How much longer each request takes on its way, and each answer: a link over a satellite. */
  farMs = 0;
  #isDead = false;
  /** When the last batch that was sent to a partition arrives: none overtakes it. */
  readonly #arrivals = new Map<string, number>();
  /** Number of the connection: what was sent over one that broke arrives, if at all, late. */
  readonly #unsettled = new Map<string, number>();

  constructor(kafka: ModelKafka) {
    this.#kafka = kafka;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** kill -9: nothing is answered any more; what was sent may still arrive. */
  die(): void {
    this.#isDead = true;
  }

  topic(name: string, isFresh = false): Promise<SinkTopic | undefined> {
    const known = isFresh ? undefined : this.#topics.get(name);
    if (known !== undefined) return Promise.resolve(known);
    return this.#ask(() => {
      const found = this.#kafka.topic(name);
      if (found === undefined) {
        this.#topics.delete(name);
        return undefined;
      }
      const partitions = found.partitions.map(({ leaderEpoch }, index) => ({
        index,
        leaderId: leaderEpoch % 3,
        leaderEpoch,
      }));
      const topic = { name, id: found.id, partitions };
      this.#topics.set(name, topic);
      return topic;
    });
  }

  createTopic(name: string, settings: TopicSettings): Promise<void> {
    return this.#ask(() => void this.#kafka.create(name, settings));
  }

  configs({ name }: SinkTopic): Promise<ClusterConfigs> {
    return this.#ask(() => {
      const topic = this.#kafka.topic(name)?.configs ?? new Map();
      const broker = new Map([['producer.id.expiration.ms', String(this.#kafka.options.expirationMs)]]);
      return { brokerCount: 3, replication: 3, topic, broker };
    });
  }

  knownProducers(place: Place): Promise<KnownProducers> {
    return this.#ask(() => this.#at(place).producers);
  }

  ends(place: Place): Promise<PartitionEnds> {
    return this.#ask(() => {
      const { leaderEpoch, logStartOffset, highWatermark, logEndOffset } = this.#at(place);
      const known = this.#topics.get(place.topic)?.partitions[place.partition]?.leaderEpoch;
      if (known !== leaderEpoch) this.#lost(place, 'FENCED_LEADER_EPOCH');
      return { leaderEpoch, logStartOffset, highWatermark, logEndOffset };
    });
  }

  offsetAt(place: Place, timestampMs: number): Promise<number | undefined> {
    return this.#ask(() => this.#at(place).offsetAt(timestampMs));
  }

  scan(place: Place, offset: number, visit: (batch: FoundBatch) => boolean): Promise<number> {
    return this.#ask(() => {
      const { log, highWatermark } = this.#at(place);
      let at = offset;
      for (const { header, bytes } of log) {
        if (header.lastOffset < offset || header.lastOffset >= highWatermark) continue;
        at = header.lastOffset + 1;
        if (!visit({ header, bytes })) break;
      }
      return at;
    });
  }

  async produce(place: Place, leaderEpoch: number | undefined, batch: Buffer): Promise<Produced> {
    if (leaderEpoch === undefined && !this.#topics.has(place.topic)) {
      await this.topic(place.topic).catch(() => {});
    }
    return this.#produce(place, leaderEpoch, batch);
  }

  #produce(place: Place, leaderEpoch: number | undefined, batch: Buffer): Produced | Promise<Produced> {
    const known = this.#topics.get(place.topic);
    const leader = known?.id === place.topicId ? known.partitions[place.partition] : undefined;
    const isLedThere =
      leader !== undefined && (leaderEpoch === undefined || leaderEpoch === leader.leaderEpoch);
    if (!isLedThere) return this.#unknown(place, 'NOT_LEADER_OR_FOLLOWER');
    return this.#send(place, leader.leaderEpoch, batch);
  }

  async close(): Promise<void> {
    this.#isDead = true;
  }

  #send(place: Place, epoch: number, batch: Buffer): Promise<Produced> {
    const { time, random } = this.#kafka.options;
    const key = `${place.topicId}-${place.partition}`;
    const { producerId, baseOffset } = readBatchHeader(batch);
    assert(baseOffset === 0, 'Kafka takes batches from base offset 0 only');
    const isLost = random() < this.lossy;
    const isAnswerLost = random() < this.lossy;
    const isLate = isLost && random() < 0.5;
    const arrival =
      Math.max(time.now + 1 + random() * 5 + this.farMs, this.#arrivals.get(key) ?? 0) +
      (isLate ? random() * LATE_MS_MAX : 0);
    // A connection that lost something carries nothing further: what follows is settled as it is.
    if (!isLost) this.#arrivals.set(key, arrival);
    const isBroken = (this.#unsettled.get(key) ?? 0) > 0;
    return new Promise((resolve) => {
      const settle = (produced: Produced) => {
        if (!this.#isDead && !this.isSilent) resolve(produced);
      };
      const giveUp = time.after(ANSWER_MS, () => {
        this.#unsettled.set(key, (this.#unsettled.get(key) ?? 1) - 1);
        settle(this.#unknown(place, 'TIMEOUT'));
      });
      const failing = isLost || isAnswerLost || isBroken;
      if (failing) this.#unsettled.set(key, (this.#unsettled.get(key) ?? 0) + 1);
      if ((isLost && !isLate) || isBroken) return;
      const arrived = this.#kafka.sent(producerId);
      time.after(arrival - time.now, () => {
        arrived();
        this.#arrive(place, epoch, batch, (produced) => {
          if (failing) return;
          giveUp();
          settle(produced);
        });
      });
    });
  }

  #arrive(place: Place, epoch: number, batch: Buffer, answer: (produced: Produced) => void): void {
    const { time, random } = this.#kafka.options;
    const partition = this.#kafka.at(place);
    if (partition === undefined || partition.leaderEpoch !== epoch) {
      answer(this.#unknown(place, 'NOT_LEADER_OR_FOLLOWER'));
      return;
    }
    if (random() < this.lossy) {
      // Too few replicas for a moment, and in that moment it may look for whom to forget.
      if (random() < 0.5) this.#kafka.forget(partition);
      answer(this.#unknown(place, 'NOT_ENOUGH_REPLICAS'));
      return;
    }
    const appended = partition.append(batch, time.now);
    if (!appended.ok) {
      answer(this.#unknown(place, appended.error));
      return;
    }
    const { baseOffset, endOffset } = appended;
    const commitMs = random() < this.lossy ? SLOW_COMMIT_MS : COMMIT_MS;
    time.after(1 + random() * commitMs, () => partition.leaderEpoch === epoch && partition.commit());
    partition.whenCommitted(endOffset, (isCommitted) => {
      const produced: Produced = isCommitted
        ? { outcome: 'committed', baseOffset }
        : this.#unknown(place, 'NOT_LEADER_OR_FOLLOWER');
      time.after(random() * 3 + this.farMs, () => answer(produced));
    });
  }

  #unknown(place: Place, error: string): Produced {
    this.#topics.delete(place.topic);
    return { outcome: 'unknown', error, message: 'the model says so' };
  }

  #at(place: Place): ModelPartition {
    return this.#kafka.at(place) ?? this.#lost(place, 'UNKNOWN_TOPIC_ID');
  }

  #lost(place: Place, error: string): never {
    this.#topics.delete(place.topic);
    throw new EdgelogError('CONNECTION_LOST', `${place.topic}-${place.partition}: ${error}`);
  }

  #ask<T>(answer: () => T): Promise<T> {
    const { time, random } = this.#kafka.options;
    return new Promise((resolve, reject) => {
      const isLost = random() < this.lossy;
      time.after(1 + random() * 5 + this.farMs, () => {
        if (this.#isDead || this.isSilent) return;
        try {
          if (isLost) throw new EdgelogError('TIMEOUT', 'the model lost it');
          const value = answer();
          time.after(random() * 3 + this.farMs, () => this.#isDead || resolve(value));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress, type Logger, parseAddress, silentLogger } from '@edgelog/runtime';
import { type Api, apis, ErrorCode, type ResponseOutput } from '@edgelog/wire';
import type { RequestBody, RequestOptions } from '../connection.ts';
import { AnotherCluster, check, isTurnedAway, refusal } from '../refusal.ts';
import { type KafkaSecurity, securityWarning } from '../security.ts';
import type { BrokerLink, Line } from './broker-link.ts';
import { Links } from './links.ts';
import { KnownCluster, type MetadataAnswer, type TopicMetadata } from './metadata.ts';
import { saysMoved } from './moved.ts';
import { RefreshRounds } from './refresh-rounds.ts';

const METADATA_AGE_MS_MAX = 5 * 60_000;
/** Below what brokers close by themselves (`connections.max.idle.ms`, ten minutes). */
const IDLE_MS_MAX = 5 * 60_000;
const UPKEEP_MS = 30_000;
/** Then another broker is asked, if there is one: this one may be paused, or behind a cut. */
const SLOW_MS = 2_000;
/** What waits for nothing at the brokers shares a connection. */
const ANY_PURPOSE = 'any';
const LEADER_PURPOSE = 'leader';

export interface KafkaClusterOptions {
  /** HOST:PORT of brokers to ask first. */
  readonly bootstrap: readonly string[];
  readonly clientId: string;
  /** How long connecting may take, and each answer. */
  readonly timeoutMs: number;
  /** Default: neither encryption nor credentials. */
  readonly security?: KafkaSecurity;
  readonly log?: Logger;
}

export interface CallOptions extends RequestOptions {
  /**
   * Requests of one purpose share a connection to each broker, and Kafka answers one at a time for each connection: what is held back there
   * (a fetch that waits, a produce that waits for replicas) delays all that follows. Default: one for each of toLeader and the others.
   */
  readonly purpose?: string;
}

/**
 * A client of one Kafka cluster: finds it, follows its leaders, and keeps a connection for each broker and purpose. It repeats nothing that
 * could be seen: a call whose connection breaks rejects with CONNECTION_LOST, and what came of it is not known. Error codes in answers are
 * values; it only looks at them to find leaders anew.
 */
export class KafkaCluster {
  readonly #options: KafkaClusterOptions;
  readonly #bootstrap: readonly Address[];
  readonly #log: Logger;
  readonly #links: Links;
  readonly #known = new KnownCluster();
  readonly #rounds: RefreshRounds;
  /** The last of the calls for a partition that wait for its leader to be found: those that follow go behind it. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #upkeep: NodeJS.Timeout;
  #metadataAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: KafkaClusterOptions) {
    const { bootstrap, clientId, timeoutMs, security, log = silentLogger } = options;
    this.#options = options;
    this.#bootstrap = bootstrap.map((server) => parseAddress(server));
    this.#log = log;
    this.#links = new Links({ clientId, timeoutMs, ...(security && { security }) }, log);
    this.#rounds = new RefreshRounds(async (names) => void (await this.#fetchMetadata(names)));
    this.#upkeep = setInterval(() => this.#keepUp(), UPKEEP_MS).unref();
    const warning = security && securityWarning(security, bootstrap);
    if (warning !== undefined) log.warn(warning);
  }

  /**
   * Connects to the first of the bootstrap servers that answers, and asks for the brokers. Throws AUTHENTICATION_FAILED where one of them does
   * (then at once for the next half to whole minute, for all clients with the same `security` object), else the error of the last one:
   * CONNECTION_LOST, TIMEOUT, CORRUPT_FRAME, CONFIG_INVALID.
   */
  static async open(options: KafkaClusterOptions): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(options);
    try {
      await cluster.#fetchMetadata([]);
    } catch (error) {
      cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Kafka's name of the cluster. */
  get clusterId(): string {
    return this.#known.clusterId;
  }

  get brokerIds(): number[] {
    return [...this.#known.brokers.keys()];
  }

  /** Asks for these topics, or for all; topics are never created by asking. */
  metadata(topics: readonly string[] | null): Promise<MetadataAnswer> {
    return this.#fetchMetadata(topics);
  }

  /**
   * One topic, from memory where it is not older than five minutes and nothing contradicted it. Undefined: there is none. Throws KafkaRefusal
   * where the cluster will not say (authorization, illegal name).
   */
  async topic(name: string, isFresh = false): Promise<TopicMetadata | undefined> {
    const known = isFresh ? undefined : this.#fromMemory(name);
    if (known !== undefined) return known;
    await this.#rounds.refresh(name);
    const code = this.#known.refusalOf(name);
    if (code !== undefined) throw refusal(code, `topic ${name}`);
    return this.#known.lastKnown(name);
  }

  /**
   * To the partition's leader. Calls for one partition and purpose leave in the order of the calls while the leader is the same. Throws
   * CONNECTION_LOST (also: no leader now), TIMEOUT, UNSUPPORTED_VERSION, AUTHENTICATION_FAILED; KafkaRefusal for a partition that is not there.
   */
  toLeader<A extends Api>(
    topic: string,
    partition: number,
    api: A,
    body: RequestBody<A>,
    options: CallOptions = {},
  ): Promise<ResponseOutput<A>> {
    const key = `${options.purpose ?? LEADER_PURPOSE} ${partition} ${topic}`;
    const before = this.#waiting.get(key);
    const known = before === undefined ? this.#fromMemory(topic) : undefined;
    const send = (found: TopicMetadata) => this.#sendToLeader(found, topic, partition, api, body, options);
    if (known !== undefined) return send(known);
    const sent = (before ?? Promise.resolve())
      .then(() => this.topic(topic))
      .then((found) => {
        if (found === undefined) throw refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${topic}`);
        return { answer: send(found) };
      });
    const settle = () => {
      if (this.#waiting.get(key) === turn) this.#waiting.delete(key);
    };
    const turn: Promise<void> = sent.then(settle, settle);
    this.#waiting.set(key, turn);
    return sent.then(({ answer }) => answer);
  }

  /** To one broker. Throws as `toLeader` does; CONNECTION_LOST when it is not part of the cluster now. */
  async toBroker<A extends Api>(
    nodeId: number,
    api: A,
    body: RequestBody<A>,
    options: CallOptions = {},
  ): Promise<ResponseOutput<A>> {
    return this.#watch(
      nodeId,
      this.#lineTo(nodeId, options.purpose ?? ANY_PURPOSE).request(api, body, options),
    );
  }

  /** To the broker that decides for the cluster; to any while none is known. */
  async toController<A extends Api>(
    api: A,
    body: RequestBody<A>,
    options: CallOptions = {},
  ): Promise<ResponseOutput<A>> {
    const { controllerId, brokers } = this.#known;
    return brokers.has(controllerId)
      ? this.toBroker(controllerId, api, body, options)
      : this.toAny(api, body, options);
  }

  /** To the first broker that can be reached. Once sent, it is not sent to another. */
  async toAny<A extends Api>(
    api: A,
    body: RequestBody<A>,
    { purpose = ANY_PURPOSE, ...options }: CallOptions = {},
  ): Promise<ResponseOutput<A>> {
    const line = await this.#firstReachable(purpose);
    return line.request(api, body, options);
  }

  /** A broker that an answer named, such as a coordinator, though metadata does not know it yet. */
  learnBroker(nodeId: number, address: Address): void {
    this.#known.learnBroker(nodeId, address);
  }

  /** What is known of the topic is not true any more: it is asked for before the next use. */
  forget(topic: string): void {
    this.#known.markStale(topic);
  }

  /** Ends all connections; calls under way reject with CONNECTION_LOST. */
  close(): void {
    clearInterval(this.#upkeep);
    this.#links.close();
  }

  #fromMemory(name: string): TopicMetadata | undefined {
    return this.#known.topic(name, performance.now(), METADATA_AGE_MS_MAX + 2 * UPKEEP_MS);
  }

  async #sendToLeader<A extends Api>(
    found: TopicMetadata,
    topic: string,
    partition: number,
    api: A,
    body: RequestBody<A>,
    { purpose = LEADER_PURPOSE, ...options }: CallOptions,
  ): Promise<ResponseOutput<A>> {
    const place = found.partitions.find(({ partitionIndex }) => partitionIndex === partition);
    if (place === undefined) {
      this.#known.markStale(topic);
      throw refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `${topic}-${partition}`);
    }
    if (place.leaderId < 0) {
      this.#known.markStale(topic);
      throw new EdgelogError('CONNECTION_LOST', `${topic}-${partition} has no leader now`);
    }
    const line = this.#lineTo(place.leaderId, purpose);
    const answer = await this.#watch(place.leaderId, line.request(api, body, options));
    if (saysMoved(answer)) this.#known.markStale(topic);
    return answer;
  }

  #lineTo(nodeId: number, purpose: string): Line {
    const address = this.#known.brokers.get(nodeId);
    if (address === undefined) {
      this.#known.markBrokerStale(nodeId);
      throw new EdgelogError('CONNECTION_LOST', `broker ${nodeId} is not available`);
    }
    try {
      return this.#linkTo(address, purpose, nodeId).line();
    } catch (error) {
      this.#known.markBrokerStale(nodeId);
      throw error;
    }
  }

  /** After a call that failed the broker's partitions may be led by others. */
  async #watch<T>(nodeId: number, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.#known.markBrokerStale(nodeId);
      throw error;
    }
  }

  #linkTo(address: Address, purpose: string, nodeId?: number): BrokerLink {
    const isGiven = this.#options.bootstrap.includes(formatAddress(address));
    return this.#links.to(address, purpose, isGiven ? undefined : nodeId);
  }

  /** Brokers that are connected come first, those that failed last time last, then what was given at the start. */
  #candidates(purpose: string): BrokerLink[] {
    const known = Array.from(this.#known.brokers, ([id, address]) => this.#linkTo(address, purpose, id));
    const given = this.#bootstrap.map((address) => this.#linkTo(address, purpose));
    const rank = new Map(known.map((link) => [link, link.rank + Math.random()]));
    known.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
    return [...new Set([...known, ...given])];
  }

  #firstReachable(purpose: string): Promise<Line> {
    return this.#oneAfterAnother(purpose, async (link) => {
      const line = link.line();
      await line.opened;
      return line;
    });
  }

  /** Asking more than one broker does no harm. */
  #fetchMetadata(topics: readonly string[] | null): Promise<MetadataAnswer> {
    const body = { topics: topics?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: false };
    return this.#oneAfterAnother(ANY_PURPOSE, async (link) => {
      const answer = await link.line().request(apis.metadata, body);
      check(answer.errorCode, 'metadata');
      this.#metadataAtMs = performance.now();
      this.#known.learn(answer, this.#metadataAtMs);
      return answer;
    });
  }

  /** The first broker with which it goes well. A slow one is waited for no longer than others are left to be asked. */
  async #oneAfterAnother<T>(purpose: string, ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    let failure: unknown;
    const links = this.#candidates(purpose);
    for (const [i, link] of links.entries()) {
      try {
        return await (i + 1 < links.length ? within(SLOW_MS, ask(link)) : ask(link));
      } catch (error) {
        failure = graver(failure, error);
      }
    }
    throw failure;
  }

  #keepUp(): void {
    this.#links.closeIdle(IDLE_MS_MAX);
    const nowMs = performance.now();
    if (nowMs - this.#metadataAtMs < METADATA_AGE_MS_MAX) return;
    this.#metadataAtMs = nowMs;
    this.#fetchMetadata(this.#known.inUse(nowMs - METADATA_AGE_MS_MAX)).catch((error: Error) => {
      this.#log.warn('Kafka does not tell its metadata', { reason: error.message });
    });
  }
}

/** Of what several brokers failed with: that one does not take the credentials or the protocol, or is of another cluster, says more than that another is away. */
function graver(before: unknown, error: unknown): unknown {
  return isTurnedAway(before) || before instanceof AnotherCluster ? before : error;
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new EdgelogError('TIMEOUT', `a Kafka broker did not answer within ${ms} ms`));
    const timer = setTimeout(late, ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

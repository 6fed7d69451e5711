import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, type KafkaCluster, type TopicMetadata } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';
import { coordinatorOf } from '../kafka/coordinators.ts';
import { isPassing } from './consumer.ts';

const REBALANCE_TIMEOUT_MS = 60_000;
const RETRY_MS = 500;
const [JOIN_EPOCH, LEAVE_EPOCH] = [0, -1];

export interface Assignment {
  readonly partitions: readonly number[];
  /** Aborted when the coordinator wants another one, or the member was thrown out. */
  readonly changed: AbortSignal;
}

/**
 * A member of a consumer group of the new protocol [KIP-848] that reads one topic: it lives by heartbeats, the coordinator
 * assigns. Partitions that are taken away belong to it until `release`, so that it can commit first.
 */
export class Membership {
  readonly memberId = randomUUID();
  readonly #cluster: KafkaCluster;
  readonly #groupId: string;
  readonly #topic: TopicMetadata;
  readonly #ended = new AbortController();
  #epoch = JOIN_EPOCH;
  #coordinator = -1;
  #owned: readonly number[] = [];
  /** Not heard of by the coordinator yet. */
  #isNews = true;
  #wanted: readonly number[] | undefined;
  #changed = new AbortController();
  #whenWanted = Promise.withResolvers<void>();
  #beatNow = new AbortController();
  #failure: unknown;
  #beating: Promise<void>;

  constructor(cluster: KafkaCluster, groupId: string, topic: TopicMetadata) {
    this.#cluster = cluster;
    this.#groupId = groupId;
    this.#topic = topic;
    this.#beating = this.#beat();
  }

  get coordinator(): number {
    return this.#coordinator;
  }

  get memberEpoch(): number {
    return this.#epoch;
  }

  /** What is to be read now; waits for it. Undefined when `signal` is aborted. Throws what ended the membership. */
  async assignment(signal: AbortSignal): Promise<Assignment | undefined> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal.addEventListener('abort', onAbort);
    while (this.#wanted === undefined && this.#failure === undefined && !signal.aborted)
      await Promise.race([this.#whenWanted.promise, aborted.promise]);
    signal.removeEventListener('abort', onAbort);
    if (this.#failure !== undefined) throw this.#failure;
    if (signal.aborted || this.#wanted === undefined) return undefined;
    this.#owned = this.#wanted;
    this.#wanted = undefined;
    this.#changed = new AbortController();
    this.#tell();
    return { partitions: this.#owned, changed: this.#changed.signal };
  }

  /** Leaves the group, so that others take over at once. */
  async leave(): Promise<void> {
    this.#ended.abort();
    await this.#beating;
    if (this.#failure !== undefined || this.#coordinator < 0) return;
    this.#epoch = LEAVE_EPOCH;
    await this.#send().catch(() => {});
  }

  /** The coordinator hears at once of what is owned now. */
  #tell(): void {
    this.#isNews = true;
    this.#beatNow.abort();
  }

  async #beat(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      let waitMs = RETRY_MS;
      try {
        if (this.#coordinator < 0) this.#coordinator = await coordinatorOf(this.#cluster, this.#groupId);
        this.#beatNow = new AbortController();
        waitMs = await this.#heartbeat();
      } catch (error) {
        if (!isPassing(error)) return this.#fail(error);
        this.#coordinator = -1;
      }
      const signal = AbortSignal.any([this.#ended.signal, this.#beatNow.signal]);
      await sleep(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  /** How long to wait until the next one. */
  async #heartbeat(): Promise<number> {
    const isNews = this.#isNews;
    this.#isNews = false;
    const answer = await this.#send(isNews).catch((error) => {
      this.#isNews ||= isNews;
      throw error;
    });
    const { errorCode, errorMessage, memberEpoch, heartbeatIntervalMs, assignment } = answer;
    switch (errorCode) {
      case ErrorCode.NONE:
        break;
      case ErrorCode.UNKNOWN_MEMBER_ID:
      case ErrorCode.FENCED_MEMBER_EPOCH:
        this.#epoch = JOIN_EPOCH;
        this.#owned = [];
        this.#isNews = true;
        this.#changed.abort();
        return 0;
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        this.#coordinator = -1;
        this.#isNews ||= isNews;
        return RETRY_MS;
      default:
        check(errorCode, `group ${this.#groupId}`, errorMessage);
    }
    this.#epoch = memberEpoch;
    if (assignment !== null) {
      const own = assignment.topicPartitions.find(({ topicId }) => topicId === this.#topic.topicId);
      this.#wanted = [...(own?.partitions ?? [])].sort((a, b) => a - b);
      this.#changed.abort();
      this.#whenWanted.resolve();
      this.#whenWanted = Promise.withResolvers();
    }
    return heartbeatIntervalMs;
  }

  /** With all that can change when it is `whole`, as a joining member must and others may. */
  #send(whole = false) {
    const { topicId, name } = this.#topic;
    const isJoining = this.#epoch === JOIN_EPOCH;
    return this.#cluster.toBroker(this.#coordinator, apis.consumerGroupHeartbeat, {
      groupId: this.#groupId,
      memberId: this.memberId,
      memberEpoch: this.#epoch,
      rebalanceTimeoutMs: isJoining ? REBALANCE_TIMEOUT_MS : -1,
      subscribedTopicNames: isJoining ? [name ?? ''] : null,
      topicPartitions: isJoining
        ? []
        : whole
          ? this.#owned.length === 0
            ? []
            : [{ topicId, partitions: this.#owned }]
          : null,
    });
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#changed.abort();
    this.#whenWanted.resolve();
  }
}

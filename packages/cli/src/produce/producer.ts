import { setTimeout as sleep } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { check, isRetriable, type KafkaCluster, refusal, type TopicMetadata } from '@edgelog/client';
import { apis, type CompressionName, ErrorCode, RecordsEncoder, SEQUENCE_MODULUS } from '@edgelog/wire';
import { topicOf } from '../kafka/topic.ts';
import type { LineRecord } from './line-format.ts';
import { murmur2 } from './murmur2.ts';

/** Records that wait for their acknowledgement; beyond this `send` waits. */
const PENDING_BYTES_MAX = 32 * 2 ** 20;
const RETRY_MS = 200;
const ACKS_ALL = -1;
/** What the Java client gives where there is no transaction. */
const NO_TRANSACTION_TIMEOUT_MS = 2 ** 31 - 1;

export interface ProducerOptions {
  readonly topic: string;
  /** All records go there; undefined: by key, and without one by batch in turn. */
  readonly partition: number | undefined;
  readonly compression: CompressionName;
  /** A batch is sent when its records have this size, uncompressed. */
  readonly batchBytes: number;
  /** … or are this old. */
  readonly lingerMs: number;
  /** A batch that is not acknowledged after this long fails, and the producer with it. */
  readonly deliveryTimeoutMs: number;
}

interface Lane {
  readonly partition: number;
  /** Sequence of its next batch. */
  sequence: number;
  open: RecordsEncoder | undefined;
  linger: NodeJS.Timeout | undefined;
  /** Ends when all batches closed so far are acknowledged. */
  delivered: Promise<void>;
}

/**
 * An idempotent producer [KIP-98] for one topic: acks=all, one batch in flight for each partition, retried under the
 * same sequence until it is acknowledged. The first failure that is final ends it.
 */
export class Producer {
  readonly #cluster: KafkaCluster;
  readonly #options: ProducerOptions;
  readonly #producerId: number;
  readonly #producerEpoch: number;
  readonly #lanes: Lane[];
  #topic: TopicMetadata;
  /** Where records without a key go until their batch is closed. */
  #turn = 0;
  #pendingBytes = 0;
  #failure: unknown;
  #whenRoom = Promise.withResolvers<void>();
  /** Records acknowledged so far. */
  acknowledged = 0;
  /** One past the last offset acknowledged, by partition. */
  readonly endOffsets = new Map<number, number>();

  private constructor(
    cluster: KafkaCluster,
    options: ProducerOptions,
    topic: TopicMetadata,
    identity: { producerId: number; producerEpoch: number },
  ) {
    this.#cluster = cluster;
    this.#options = options;
    this.#topic = topic;
    this.#producerId = identity.producerId;
    this.#producerEpoch = identity.producerEpoch;
    this.#lanes = topic.partitions.map((_, partition) => ({
      partition,
      sequence: 0,
      open: undefined,
      linger: undefined,
      delivered: Promise.resolve(),
    }));
  }

  /** Throws REFUSED when the topic, or the partition, does not exist. */
  static async open(cluster: KafkaCluster, options: ProducerOptions): Promise<Producer> {
    const topic = await topicOf(cluster, options.topic);
    if (options.partition !== undefined && options.partition >= topic.partitions.length) {
      const count = topic.partitions.length;
      throw new EdgelogError('REFUSED', `topic ${options.topic} has ${count} partitions, counted from 0`);
    }
    const identity = await cluster.toBroker(cluster.brokerIds[0] ?? -1, apis.initProducerId, {
      transactionalId: null,
      transactionTimeoutMs: NO_TRANSACTION_TIMEOUT_MS,
    });
    check(identity.errorCode, 'producer id');
    return new Producer(cluster, options, topic, identity);
  }

  /** Takes one record; waits while too much is under way. Throws what ended the producer. */
  async send({ key, value, headers }: LineRecord): Promise<void> {
    while (this.#pendingBytes > PENDING_BYTES_MAX && this.#failure === undefined)
      await this.#whenRoom.promise;
    if (this.#failure !== undefined) throw this.#failure;
    const lane = this.#laneOf(key);
    const timestamp = Date.now();
    lane.open ??= new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
    this.#pendingBytes += lane.open.append({ timestamp, key, value, headers });
    if (lane.open.sizeBytes >= this.#options.batchBytes) this.#close(lane);
    else lane.linger ??= setTimeout(() => this.#close(lane), this.#options.lingerMs);
  }

  /** Resolves when every record taken is acknowledged. Throws what ended the producer. */
  async flush(): Promise<void> {
    for (const lane of this.#lanes) this.#close(lane);
    await Promise.all(this.#lanes.map(({ delivered }) => delivered));
    if (this.#failure !== undefined) throw this.#failure;
  }

  #laneOf(key: Buffer | null): Lane {
    const index = this.#options.partition ?? (key === null ? this.#turn : murmur2(key)) % this.#lanes.length;
    return this.#lanes[index]!;
  }

  #close(lane: Lane): void {
    clearTimeout(lane.linger);
    lane.linger = undefined;
    const batch = lane.open;
    if (batch === undefined) return;
    lane.open = undefined;
    this.#turn = (this.#turn + 1) % this.#lanes.length;
    lane.delivered = lane.delivered.then(async () => {
      try {
        if (this.#failure === undefined) await this.#deliver(lane, batch);
      } catch (error) {
        this.#failure ??= error;
      }
      this.#pendingBytes -= batch.sizeBytes;
      this.#whenRoom.resolve();
      this.#whenRoom = Promise.withResolvers();
    });
  }

  async #deliver(lane: Lane, records: RecordsEncoder): Promise<void> {
    const batch = await records.seal({
      compression: this.#options.compression,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      baseSequence: lane.sequence,
    });
    const deadline = performance.now() + this.#options.deliveryTimeoutMs;
    for (;;) {
      const fault = await this.#try(lane, batch, records.count);
      if (fault === undefined) break;
      if (performance.now() + RETRY_MS > deadline) throw fault;
      await sleep(RETRY_MS);
      this.#topic = await topicOf(this.#cluster, this.#options.topic).catch(() => this.#topic);
    }
    lane.sequence = (lane.sequence + records.count) % SEQUENCE_MODULUS;
    this.acknowledged += records.count;
  }

  /** One attempt; gives what may pass, throws what is final. */
  async #try({ partition }: Lane, batch: Buffer, count: number): Promise<EdgelogError | undefined> {
    const { topic } = this.#options;
    const leader = this.#topic.partitions.find(
      ({ partitionIndex }) => partitionIndex === partition,
    )?.leaderId;
    try {
      const answer = await this.#cluster.toBroker(leader ?? -1, apis.produce, {
        acks: ACKS_ALL,
        timeoutMs: this.#options.deliveryTimeoutMs,
        topicData: [
          {
            name: topic,
            topicId: this.#topic.topicId,
            partitionData: [{ index: partition, records: batch }],
          },
        ],
      });
      const outcome = answer.responses[0]?.partitionResponses[0];
      if (outcome === undefined)
        throw new EdgelogError('CORRUPT_FRAME', 'a Produce response without an answer');
      const { errorCode, errorMessage, baseOffset } = outcome;
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
        if (baseOffset >= 0) this.endOffsets.set(partition, baseOffset + count);
        return undefined;
      }
      const fault = refusal(errorCode, `produce to ${topic}-${partition}`, errorMessage);
      if (isRetriable(errorCode)) return fault;
      throw fault;
    } catch (error) {
      const isPassing =
        error instanceof EdgelogError && (error.code === 'CONNECTION_LOST' || error.code === 'TIMEOUT');
      if (isPassing) return error;
      throw error;
    }
  }
}

import {
  type BatchHeader,
  ErrorCode,
  errorName,
  iterateBatches,
  patchBatchOffset,
  type ResponseOutput,
} from '@edgelog/wire';
import type { KafkaNode, KafkaProcesses } from '../harness/kafka.ts';
import { askKafka } from '../harness/kafka-raw.ts';
import { until } from '../harness/wait.ts';

/** Versions that name topics by name, as Kafka 4.1 speaks them. */
const VERSIONS = { produce: 12, fetch: 12, listOffsets: 8, offsetForLeaderEpoch: 4, describeProducers: 0 };
const LATEST = -1;
const TIMEOUT_MS = 15_000;
const FETCH_BYTES = 8 * 2 ** 20;

export type ProduceAnswer = ResponseOutput<'produce'>['responses'][number]['partitionResponses'][number];

/** One partition of real Kafka, asked with single requests at whoever leads it: what the sink relies on, without the sink. */
export class RawPartition {
  readonly #kafka: KafkaProcesses;
  readonly topic: string;
  readonly index: number;
  readonly #at: KafkaNode | undefined;

  /** `at`: asks this node, whoever leads. */
  constructor(kafka: KafkaProcesses, topic: string, index = 0, at?: KafkaNode) {
    this.#kafka = kafka;
    this.topic = topic;
    this.index = index;
    this.#at = at;
  }

  /** A batch that begins at offset 0, as Kafka wants them, whatever it says itself. */
  produce(batch: Buffer, acks = -1): Promise<ProduceAnswer> {
    const fromZero = Buffer.from(batch);
    patchBatchOffset(fromZero, 0, 0, -1);
    return this.produceAsIs(fromZero, acks);
  }

  async produceAsIs(batch: Buffer, acks = -1): Promise<ProduceAnswer> {
    const request = {
      ...{ acks, timeoutMs: TIMEOUT_MS },
      topicData: [{ name: this.topic, partitionData: [{ index: this.index, records: batch }] }],
    };
    return until(`${this.topic}-${this.index} has a leader that takes batches`, async () => {
      const { responses } = await askKafka(await this.#port(), 'produce', VERSIONS.produce, request);
      const answer = responses[0]!.partitionResponses[0]!;
      return answer.errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER && answer;
    });
  }

  /** What DescribeProducers tells of one producer id. */
  async producer(id: number): Promise<{ lastSequence: number; producerEpoch: number } | undefined> {
    const { activeProducers } = await this.#answered('its producers', async (port) => {
      const { topics } = await askKafka(port, 'describeProducers', VERSIONS.describeProducers, {
        topics: [{ name: this.topic, partitionIndexes: [this.index] }],
      });
      return topics[0]!.partitions[0]!;
    });
    return activeProducers.find(({ producerId }) => producerId === id);
  }

  /** The end for a consumer: the high watermark. */
  async highWatermark(): Promise<number> {
    const { offset } = await this.#answered('its end', async (port) => {
      const { topics } = await askKafka(port, 'listOffsets', VERSIONS.listOffsets, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: this.topic, partitions: [{ partitionIndex: this.index, timestamp: LATEST }] }],
      });
      return topics[0]!.partitions[0]!;
    });
    return offset;
  }

  /** What OffsetForLeaderEpoch answers for the epoch of now. */
  async epochEnd(): Promise<{ leaderEpoch: number; endOffset: number; errorCode: number }> {
    const port = await this.#port();
    const { leaderEpoch } = await this.#kafka.admin.partition(this.topic, this.index, port);
    const { topics } = await askKafka(port, 'offsetForLeaderEpoch', VERSIONS.offsetForLeaderEpoch, {
      topics: [
        {
          topic: this.topic,
          partitions: [{ partition: this.index, currentLeaderEpoch: leaderEpoch, leaderEpoch }],
        },
      ],
    });
    return topics[0]!.partitions[0]!;
  }

  /** Every committed batch from `offset` on. */
  async batches(offset = 0): Promise<{ header: BatchHeader; bytes: Buffer }[]> {
    const end = await this.highWatermark();
    const found: { header: BatchHeader; bytes: Buffer }[] = [];
    for (let at = offset; at < end; ) {
      const before = at;
      const { errorCode, records } = await this.#answered('its records', async (port) => {
        const { responses } = await askKafka(port, 'fetch', VERSIONS.fetch, {
          maxWaitMs: 0,
          minBytes: 0,
          topics: [
            {
              topic: this.topic,
              partitions: [{ partition: this.index, fetchOffset: before, partitionMaxBytes: FETCH_BYTES }],
            },
          ],
          forgottenTopicsData: [],
        });
        return responses[0]!.partitions[0]!;
      });
      for (const { at: from, header } of iterateBatches(records!)) {
        found.push({ header, bytes: records!.subarray(from, from + header.sizeBytes) });
        at = header.lastOffset + 1;
      }
      if (at === before)
        throw new Error(`${this.topic}-${this.index}: ${errorName(errorCode)} at ${at} of ${end}`);
    }
    return found;
  }

  /** Of a partition that has one batch. */
  async onlyBatch(): Promise<{ header: BatchHeader; bytes: Buffer }> {
    const [first, ...more] = await this.batches();
    if (first === undefined || more.length > 0) throw new Error(`there is not one batch in ${this.topic}`);
    return first;
  }

  /** Asks until it is answered without an error: brokers take a while to agree on who leads, and a new leader on what is committed. */
  #answered<A extends { errorCode: number }>(what: string, ask: (port: number) => Promise<A>): Promise<A> {
    return until(`${this.topic}-${this.index} tells ${what}`, async () => {
      const answer = await ask(await this.#port());
      if (answer.errorCode === ErrorCode.NONE) return answer;
      throw new Error(errorName(answer.errorCode));
    });
  }

  async #port(): Promise<number> {
    return (this.#at ?? (await this.#kafka.leaderOf(this.topic, this.index))).port;
  }
}

import {
  type ApiName,
  apis,
  decodeResponse,
  ErrorCode,
  type RequestInput,
  type ResponseOutput,
  ZERO_UUID,
} from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { until } from '../harness/wait.ts';

const ANSWER_MS_MAX = 20_000;

async function within<T>(timeoutMs: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer after ${timeoutMs} ms: ${what()}`)), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A broker under comparison, and the one connection that a scenario has to it. */
export class Peer {
  readonly port: number;
  /** What every name that a scenario makes begins with, the same at both brokers. */
  readonly prefix: string;
  #client: RawClient | undefined;
  #settlings = 0;

  constructor(port: number, prefix: string) {
    this.port = port;
    this.prefix = prefix;
  }

  /** The answer, or undefined where the broker closed the connection instead; the next request then has a new one. */
  async ask<N extends ApiName>(
    name: N,
    version: number,
    body: RequestInput<N>,
  ): Promise<ResponseOutput<N> | undefined> {
    this.#client ??= await RawClient.connect(this.port);
    const sent = this.#client.send(apis[name], version, body as never);
    const frame = await within(
      ANSWER_MS_MAX,
      this.#client.frame(),
      () => `${name} v${version} ${JSON.stringify(body)} to ${this.port}`,
    );
    if (frame === undefined) {
      this.close();
      return undefined;
    }
    const { correlationId, body: response } = decodeResponse(apis[name], version, frame);
    if (correlationId !== sent)
      throw new Error(`${name} v${version}: answered ${correlationId}, asked ${sent}`);
    return response as ResponseOutput<N>;
  }

  /** As `ask`, for what a scenario needs to go on: fails where the connection is closed. */
  async must<N extends ApiName>(name: N, version: number, body: RequestInput<N>): Promise<ResponseOutput<N>> {
    const response = await this.ask(name, version, body);
    if (response === undefined) throw new Error(`the broker closed the connection of ${name} v${version}`);
    return response;
  }

  /** Creates a topic and answers its id when it has leaders. */
  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.must('createTopics', 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    const indexes = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: -1,
    }));
    await until(`topic ${name} has ${partitions} leaders`, async () => {
      const asked = { replicaId: -1, isolationLevel: 0, topics: [{ name, partitions: indexes }] };
      const { topics } = await this.must('listOffsets', 4, asked);
      return topics[0]!.partitions.every(({ errorCode }) => errorCode === ErrorCode.NONE);
    });
    const { topics } = await this.must('metadata', 12, {
      topics: [{ name, topicId: ZERO_UUID }],
      allowAutoTopicCreation: false,
    });
    return topics[0]!.topicId;
  }

  /** Resolves when the broker sees what was changed before: Kafka's brokers learn of changes later, but in order. */
  async settled(): Promise<void> {
    await this.topic(`${this.prefix}settled-${this.#settlings++}`);
  }

  /** Resolves when a deleted topic is gone. */
  async gone(name: string): Promise<void> {
    const asked = { topics: [{ name, topicId: ZERO_UUID }], allowAutoTopicCreation: false };
    await until(`topic ${name} is gone`, async () => {
      const { topics } = await this.must('metadata', 12, asked);
      return topics[0]!.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    });
  }

  /** Appends one batch and answers the partition's answer. */
  async produce(topic: string, records: Buffer | null, { index = 0, acks = -1, version = 9 } = {}) {
    const topicData = [{ name: topic, partitionData: [{ index, records }] }];
    const response = await this.ask('produce', version, { acks, timeoutMs: 5000, topicData });
    return response?.responses[0]?.partitionResponses[0];
  }

  close(): void {
    this.#client?.end();
    this.#client = undefined;
  }
}

import kafkajs, { type Consumer, type Producer } from 'kafkajs';
import { sleep, until } from '../../harness/wait.ts';
import type { History, Reading } from '../history/history.ts';
import { labelOf, type Stream } from '../history/stream.ts';
import type { Gate } from './gate.ts';

const PAUSE_MS = 50;
const RECORDS = 5;
const COMMIT_EVERY_MS = 500;

function clientOf(bootstrap: string, clientId: string): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId,
    brokers: bootstrap.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 100 },
  });
}

/** An idempotent producer of kafkajs to all partitions. When a send fails for good, another one goes on under another name. */
export async function runKafkajsProducer(
  options: { bootstrap: string; name: string; topic: string; partitions: number },
  history: History,
  gate: Gate,
): Promise<void> {
  const { bootstrap, name, topic, partitions } = options;
  for (let generation = 0; gate.isOpen; generation++) {
    const producer = clientOf(bootstrap, name).producer({ idempotent: true, maxInFlightRequests: 1 });
    const streams = Array.from({ length: partitions }, (_, index) =>
      history.stream(`${name}.${generation}/${index}`, { neverGivesUp: false }),
    );
    try {
      await producer.connect();
      while (gate.isOpen) {
        await send(producer, topic, streams, history);
        await sleep(PAUSE_MS);
      }
    } catch {
      // What was under way may or may not have been stored: its name is not used again.
    } finally {
      await producer.disconnect().catch(() => {});
    }
  }
}

async function send(
  producer: Producer,
  topic: string,
  streams: readonly Stream[],
  history: History,
): Promise<void> {
  const first = streams.map(({ sent }) => sent);
  const messages = streams.flatMap((stream, partition) =>
    Array.from({ length: RECORDS }, () => ({
      partition,
      key: stream.name,
      value: labelOf(stream.name, stream.sent++, 100),
    })),
  );
  const answers = await producer.send({ topic, acks: -1, messages });
  for (const { partition, baseOffset } of answers) {
    const offset = Number(baseOffset ?? -1);
    for (let i = 0; i < RECORDS; i++)
      history.acknowledged(
        streams[partition]!,
        first[partition]! + i,
        `${topic}-${partition}`,
        offset < 0 ? undefined : offset + i,
      );
  }
}

/** A member of a group of kafkajs. */
export class KafkajsMember {
  readonly #consumer: Consumer;
  readonly #name: string;
  readonly #topic: string;
  readonly #group: string;
  readonly #history: History;
  #readings = new Map<number, Reading>();

  constructor(options: { bootstrap: string; name: string; topic: string; group: string }, history: History) {
    const { bootstrap, name, topic, group } = options;
    this.#name = name;
    this.#topic = topic;
    this.#group = group;
    this.#history = history;
    this.#consumer = clientOf(bootstrap, name).consumer({
      groupId: group,
      sessionTimeout: 10_000,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 250,
    });
  }

  /** kafkajs begins again by itself after what can be tried again; after everything else it is told to. */
  async start(): Promise<void> {
    const consumer = this.#consumer;
    const begin = (): void => {
      this.#readings = new Map();
    };
    consumer.on(consumer.events.GROUP_JOIN, begin);
    consumer.on(consumer.events.CRASH, begin);
    await until('kafkajs is connected', () => consumer.connect().then(() => true), 60_000);
    await consumer.subscribe({ topics: [this.#topic], fromBeginning: true });
    await consumer.run({
      autoCommitInterval: COMMIT_EVERY_MS,
      eachMessage: async ({ partition, message }) => {
        const reading =
          this.#readings.get(partition) ??
          this.#history.reading(this.#name, `${this.#topic}-${partition}`, this.#group);
        this.#readings.set(partition, reading);
        this.#history.read(reading, Number(message.offset), message.value ?? '');
      },
    });
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect().catch(() => {});
  }
}

import kafkajs, { type Consumer, type Producer } from 'kafkajs';
import { sleep, until } from '../../harness/wait.ts';
import type { History, Reading } from '../history/history.ts';
import { labelOf, type Stream } from '../history/stream.ts';
import type { Gate } from './gate.ts';

const PAUSE_MS = 100;
const RECORDS = 5;
const COMMIT_EVERY_MS = 500;
const CONNECT_MS = 60_000;

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
        const targets = streams.map((stream, partition) => ({ topic, partition, stream }));
        await Promise.all(targets.map((target) => send(producer, target, history)));
        await sleep(PAUSE_MS);
      }
    } catch {
      // What was under way may or may not have been stored: its name is not used again.
    } finally {
      await producer.disconnect().catch(() => {});
    }
  }
}

/**
 * One partition at a time: of a send to several, kafkajs drops those whose leader moves to a broker that has answered for others
 * already, tells nobody, and gives what it sends next the same sequence numbers, for which it is acknowledged as a duplicate.
 */
async function send(
  producer: Producer,
  target: { topic: string; partition: number; stream: Stream },
  history: History,
): Promise<void> {
  const { topic, partition, stream } = target;
  const first = stream.sent;
  const messages = Array.from({ length: RECORDS }, () => ({
    partition,
    key: stream.name,
    value: labelOf(stream.name, stream.sent++, 100),
  }));
  const [answer] = await producer.send({ topic, acks: -1, messages });
  if (answer === undefined) throw new Error(`kafkajs has no answer for ${topic}-${partition}`);
  const offset = Number(answer.baseOffset ?? -1);
  for (let i = 0; i < RECORDS; i++)
    history.acknowledged(stream, first + i, `${topic}-${partition}`, offset < 0 ? undefined : offset + i);
}

/** A member of a group of kafkajs; when it gives up for good, another one takes its place. */
export class KafkajsMember {
  readonly #options: { bootstrap: string; name: string; topic: string; group: string };
  readonly #history: History;
  #consumer: Consumer | undefined;
  #isWanted = true;

  constructor(options: { bootstrap: string; name: string; topic: string; group: string }, history: History) {
    this.#options = options;
    this.#history = history;
  }

  async start(): Promise<void> {
    const { bootstrap, name, topic, group } = this.#options;
    const consumer = clientOf(bootstrap, name).consumer({
      groupId: group,
      sessionTimeout: 10_000,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 250,
    });
    this.#consumer = consumer;
    const readings = new Map<number, Reading>();
    consumer.on(consumer.events.GROUP_JOIN, () => readings.clear());
    consumer.on(consumer.events.CRASH, ({ payload: { restart } }) => {
      readings.clear();
      if (!restart && this.#isWanted) void this.start();
    });
    await until('kafkajs is connected', () => consumer.connect().then(() => true), CONNECT_MS);
    await until('kafkajs knows the topic', () =>
      consumer.subscribe({ topics: [topic], fromBeginning: true }).then(() => true),
    );
    await consumer.run({
      autoCommitInterval: COMMIT_EVERY_MS,
      eachMessage: async ({ partition, message }) => {
        const reading =
          readings.get(partition) ?? this.#history.reading(name, `${topic}-${partition}`, group);
        readings.set(partition, reading);
        this.#history.read(reading, Number(message.offset), message.value ?? '');
      },
    });
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    await this.#consumer?.disconnect().catch(() => {});
  }
}

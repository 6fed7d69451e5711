import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CompressionName, compressRecords, decompressRecords } from '@edgelog/wire';
import kafkajs from 'kafkajs';
import { Assignment, GROUP_TIMES_MS, messages, parseArguments, say, sayRecord, stopped } from './contract.ts';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const args = parseArguments();
const kafka = new Kafka({
  clientId: 'interop',
  brokers: [args.bootstrap],
  logLevel: logLevel.ERROR,
});

const CONNECT_TRIES = 20;
const CONNECT_PAUSE_MS = 500;

const TYPES: Readonly<Record<string, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** kafkajs brings gzip alone; its users plug in the rest, here Edgelog's own. */
function plugIn(name: CompressionName): void {
  CompressionCodecs[TYPES[name] as keyof typeof CompressionCodecs] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => compressRecords(name, buffer),
    decompress: async (buffer: Buffer) => decompressRecords(name, buffer),
  });
}
for (const name of ['snappy', 'lz4', 'zstd'] as const) plugIn(name);

async function admin<T>(call: (client: ReturnType<typeof kafka.admin>) => Promise<T>): Promise<T> {
  const client = kafka.admin();
  await client.connect();
  return call(client).finally(() => client.disconnect());
}

/** kafkajs does not try again by itself where the broker that it asks for a producer id has just died. */
async function connected(client: { connect(): Promise<void> }): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await client.connect();
    } catch (error) {
      if (tries === CONNECT_TRIES) throw error;
      await sleep(CONNECT_PAUSE_MS);
    }
  }
}

async function produce(): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await connected(producer);
  await producer.send({
    topic: args.topic,
    acks: -1,
    compression: TYPES[args.codec]!,
    messages: messages(args),
  });
  await producer.disconnect();
}

type Consumer = ReturnType<typeof kafka.consumer>;

async function run(consumer: Consumer, shown: () => boolean): Promise<void> {
  await consumer.subscribe({ topics: [args.topic], fromBeginning: true });
  await consumer.run({
    autoCommitInterval: GROUP_TIMES_MS.commit,
    eachMessage: async ({ partition, message: { offset, key, value, headers } }) => {
      if (shown())
        sayRecord({
          partition,
          offset,
          key,
          value,
          headers: Object.entries(headers ?? {}) as [string, Buffer][],
        });
    },
  });
}

/** kafkajs reads in a group only, so this is a group of its own; it starts where that group's commits are set to. */
async function read(timestamp?: number): Promise<void> {
  const groupId = `read-${randomUUID()}`;
  if (timestamp !== undefined)
    await admin(async (client) => {
      const partitions = await client.fetchTopicOffsetsByTimestamp(args.topic, timestamp);
      await client.setOffsets({ groupId, topic: args.topic, partitions });
    });
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  let left = args.count;
  const finished = Promise.withResolvers<void>();
  await run(consumer, () => {
    if (--left === 0) finished.resolve();
    return left >= 0;
  });
  await finished.promise;
  await consumer.disconnect();
}

async function group(): Promise<void> {
  const consumer = kafka.consumer({
    groupId: args.group,
    sessionTimeout: GROUP_TIMES_MS.session,
    heartbeatInterval: GROUP_TIMES_MS.heartbeat,
  });
  const assignment = new Assignment();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
    assignment.now(payload.memberAssignment[args.topic] ?? []),
  );
  await consumer.connect();
  await run(consumer, () => true);
  await stopped();
  await consumer.disconnect();
}

const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
  version: async () => {
    const manifest = createRequire(import.meta.url).resolve('kafkajs/package.json');
    say('version', JSON.parse(readFileSync(manifest, 'utf8')).version);
  },
  create: () =>
    admin((client) =>
      client.createTopics({ topics: [{ topic: args.topic, numPartitions: args.partitions }] }),
    ),
  delete: () => admin((client) => client.deleteTopics({ topics: [args.topic] })),
  list: async () => {
    for (const topic of await admin((client) => client.listTopics())) say('topic', topic);
  },
  produce,
  consume: () => read(),
  seek: () => read(args.timestamp),
  group,
};
await verbs[args.verb]!();

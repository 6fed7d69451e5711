import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Admin,
  Consumer,
  type ConsumerOptions,
  type MessagesStream,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { Assignment, GROUP_TIMES_MS, messages, parseArguments, say, sayRecord, stopped } from './contract.ts';

const args = parseArguments();
/** Without a bound on its tries it outlives a broker. */
const base = { clientId: 'interop', bootstrapBrokers: [args.bootstrap], retries: true, retryDelay: 250 };

type Strings = MessagesStream<string, string, string, string>;
type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

async function admin<T>(call: (client: Admin) => Promise<T>): Promise<T> {
  const client = new Admin(base);
  return call(client).finally(() => client.close());
}

async function produce(): Promise<void> {
  const producer = new Producer({ ...base, serializers: stringSerializers, idempotent: true });
  await producer.send({
    compression: args.codec as Codec,
    messages: messages(args).map((message) => ({ ...message, topic: args.topic })),
  });
  await producer.close();
}

function makeConsumer(
  groupId: string,
  options: Partial<ConsumerOptions<string, string, string, string>> = {},
): Consumer<string, string, string, string> {
  return new Consumer({ ...base, groupId, deserializers: stringDeserializers, ...options });
}

async function show(stream: Strings, count = Number.POSITIVE_INFINITY): Promise<void> {
  let left = count;
  for await (const record of stream) {
    sayRecord(record);
    if (--left === 0) return;
  }
}

/** This client consumes in a group only, so this is a group of its own. */
async function read(timestamp?: number): Promise<void> {
  const consumer = makeConsumer(`read-${randomUUID()}`);
  const topics = [args.topic];
  if (timestamp === undefined)
    await show(await consumer.consume({ topics, mode: 'earliest', autocommit: false }), args.count);
  else {
    const found = (await consumer.listOffsets({ topics, timestamp: BigInt(timestamp) })).get(args.topic)!;
    const ends = (await consumer.listOffsets({ topics, timestamp: -1n })).get(args.topic)!;
    const offsets = found.map((offset, partition) => ({
      topic: args.topic,
      partition,
      offset: offset < 0n ? ends[partition]! : offset,
    }));
    await show(await consumer.consume({ topics, mode: 'manual', offsets, autocommit: false }), args.count);
  }
  await consumer.close(true);
}

async function group(): Promise<void> {
  const consumer = makeConsumer(
    args.group,
    args.groupProtocol === 'consumer'
      ? { groupProtocol: 'consumer' }
      : { sessionTimeout: GROUP_TIMES_MS.session, heartbeatInterval: GROUP_TIMES_MS.heartbeat },
  );
  const assignment = new Assignment();
  const watch = setInterval(
    () => assignment.now((consumer.assignments ?? []).flatMap(({ partitions }) => partitions)),
    50,
  );
  const stream = await consumer.consume({
    topics: [args.topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: GROUP_TIMES_MS.commit,
    maxWaitTime: 500, // a fetch under way when partitions move still delivers theirs
  });
  const shown = show(stream);
  await stopped();
  clearInterval(watch);
  await stream.close();
  await shown;
  await consumer.close();
}

const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
  version: async () => {
    const manifest = join(import.meta.dirname, '../../../../node_modules/@platformatic/kafka/package.json');
    say('version', JSON.parse(readFileSync(manifest, 'utf8')).version);
  },
  create: () =>
    admin((client) =>
      client.createTopics({ topics: [args.topic], partitions: args.partitions, replicas: 1 }),
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

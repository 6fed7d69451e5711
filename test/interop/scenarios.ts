import { askKafka } from '../harness/kafka-raw.ts';
import { sleep, until } from '../harness/wait.ts';
import { checkRecords } from './check-records.ts';
import type { Client, Codec, GroupProtocol } from './clients.ts';
import type { Hub } from './hub.ts';
import { linesOf, Member, perform, recordsIn } from './session.ts';

/** Makes a topic without any client's help. */
export async function createTopic(hub: Hub, topic: string, partitions: number): Promise<void> {
  const { topics } = await askKafka(hub.port, 'createTopics', 5, {
    topics: [{ name: topic, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 30_000,
    validateOnly: false,
  });
  if (topics[0]!.errorCode !== 0) throw new Error(`cannot create ${topic}: error ${topics[0]!.errorCode}`);
}

/** The client creates a topic with three partitions, sees it, deletes it, and sees that it is gone. */
export async function topics(hub: Hub, client: Client): Promise<void> {
  const topic = `made-by-${client.name}`;
  const bootstrap = hub.bootstrap;
  const names = async (): Promise<string[]> =>
    linesOf(await perform(client, 'list', { bootstrap }), 'topic').map(([name]) => name!);
  await perform(client, 'create', { bootstrap, topic, partitions: 3 });
  const metadata = await askKafka(hub.port, 'metadata', 7, {
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
  });
  const made = metadata.topics[0]?.partitions.length;
  if (made !== 3) throw new Error(`${topic} has ${made} partitions, not 3`);
  if (!(await names()).includes(topic)) throw new Error(`${topic} is not listed after it was created`);
  await perform(client, 'delete', { bootstrap, topic });
  if ((await names()).includes(topic)) throw new Error(`${topic} is still listed after it was deleted`);
}

/** The client finds the first records after a moment and reads from there exactly what came after it. */
export async function seekByTime(hub: Hub, client: Client): Promise<void> {
  const topic = `time-${client.name}`;
  const { bootstrap } = hub;
  await createTopic(hub, topic, 3);
  const produce = (prefix: string) =>
    perform(client, 'produce', { bootstrap, topic, count: 60, codec: 'none', 'key-prefix': prefix });
  await produce('early');
  await sleep(20);
  const timestamp = Date.now();
  await sleep(20);
  await produce('late');
  const read = await perform(client, 'seek', { bootstrap, topic, timestamp, count: 60 });
  checkRecords(recordsIn(read), [{ prefix: 'late', count: 60 }]);
}

const PARTITIONS = [0, 1, 2, 3];

/**
 * Two members share four partitions; one is killed and the other takes over; a third, after both, resumes where they
 * stopped. Nothing is read twice, since each had the time to commit what it read.
 */
export async function group(hub: Hub, client: Client, protocol: GroupProtocol): Promise<void> {
  const topic = `group-${client.name}-${protocol}`;
  const { bootstrap } = hub;
  await createTopic(hub, topic, PARTITIONS.length);
  const started: Member[] = [];
  const join = (name: string): Member => {
    const flags = { bootstrap, topic, group: `${client.name}-${protocol}` };
    const member = new Member(
      client,
      name,
      protocol === 'classic' ? flags : { ...flags, 'group-protocol': protocol },
    );
    started.push(member);
    return member;
  };
  const produce = (prefix: string) =>
    perform(client, 'produce', { bootstrap, topic, count: 200, codec: 'none', 'key-prefix': prefix });
  const commits = () => sleep((client.commitEveryMs ?? 200) + 800);
  const has = (member: Member) => () => member.assigned.length === PARTITIONS.length;
  try {
    const first = join('first');
    await until('the first member has all partitions', has(first));
    const second = join('second');
    await until(
      'two members share the partitions',
      () => {
        const all = [...first.assigned, ...second.assigned].sort((a, b) => a - b);
        return second.assigned.length > 0 && first.assigned.length > 0 && String(all) === String(PARTITIONS);
      },
      60_000,
    );
    await sleep(1_000);
    await produce('shared');
    const bothRead = () => [...first.records, ...second.records];
    await until('both have read everything', () => bothRead().length >= 200);
    await commits();
    checkRecords(bothRead(), [{ prefix: 'shared', count: 200 }], true);
    if (first.records.length === 0 || second.records.length === 0)
      throw new Error('one of two members read nothing');

    await second.process.stop('SIGKILL');
    await until('the first member has taken over', has(first), 90_000);
    const before = first.records.length;
    await produce('alone');
    await until('the first member has read everything', () => first.records.length >= before + 200);
    await commits();
    checkRecords(first.records.slice(before), [{ prefix: 'alone', count: 200 }]);
    await first.process.stop();

    await produce('after');
    const third = join('third');
    await until('the third member has read what came since', () => third.records.length >= 200);
    await sleep(300);
    checkRecords(third.records, [{ prefix: 'after', count: 200 }]);
    await third.process.stop();
  } catch (cause) {
    const state = started.map((member) => member.story()).join('\n');
    throw new Error(`${(cause as Error).message}\n${state}`, { cause });
  } finally {
    await Promise.all(started.map(({ process }) => process.stop('SIGKILL')));
  }
}

const CODEC_COUNT = 100;
const codecTopic = (codec: Codec): string => `codec-${codec}`;

export async function createCodecTopics(hub: Hub, codecs: readonly Codec[]): Promise<void> {
  for (const codec of codecs) await createTopic(hub, codecTopic(codec), 3);
}

/** The client writes its share of the topic that all clients write with this codec. */
export async function writeWith(hub: Hub, client: Client, codec: Codec): Promise<void> {
  const flags = { bootstrap: hub.bootstrap, topic: codecTopic(codec), codec };
  await perform(client, 'produce', { ...flags, count: CODEC_COUNT, 'key-prefix': client.name });
}

/** The client reads, CRC checks on, what all `writers` wrote with this codec. */
export async function readAll(
  hub: Hub,
  client: Client,
  codec: Codec,
  writers: readonly string[],
): Promise<void> {
  const sent = writers.map((prefix) => ({ prefix, count: CODEC_COUNT }));
  const flags = { bootstrap: hub.bootstrap, topic: codecTopic(codec), count: sent.length * CODEC_COUNT };
  checkRecords(recordsIn(await perform(client, 'consume', flags)), sent, true);
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTopic } from '../scenarios.ts';
import {
  expectEqual,
  expectMatch,
  expectNoMatch,
  rowsOf,
  sum,
  type Toolbox,
  type ToolScenario,
  textOf,
} from './toolbox.ts';

export const TOPIC = 'for-kafka-tools';
export const CLASSIC = 'classic-of-kafka-tools';
export const NEW = 'new-of-kafka-tools';
export const RECORDS = 300;
export const CONSOLE = 'for-console';

interface Event {
  name: string;
  count?: number;
  success?: boolean;
  sent?: number;
  acked?: number;
}

/** What the verifiable clients tell, a line each. */
const eventsIn = (output: string): Event[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Event);

async function offsets(tools: Toolbox, ...args: string[]): Promise<[string, number][]> {
  const output = await tools.ok('getOffsets', args);
  return rowsOf(output).map(([row]) => {
    const [, topic, partition, offset] = /^(.+):(\d+):(\d+)$/.exec(row!) ?? [];
    return [`${topic}:${partition}`, Number(offset)];
  });
}

async function consumeVerifiably(tools: Toolbox, group: string, protocol: string): Promise<void> {
  const args = ['--topic', TOPIC, '--group-id', group, '--max-messages', String(RECORDS)];
  const start = ['--reset-policy', 'earliest', '--group-protocol', protocol];
  const events = eventsIn(await tools.ok('verifiableConsumer', [...args, ...start]));
  const counts = events.flatMap(({ name, count }) => (name === 'records_consumed' ? [count ?? 0] : []));
  expectEqual('consumed', sum(counts), RECORDS);
  const commits = events.filter(({ name }) => name === 'offsets_committed');
  expectEqual('commits that failed', commits.filter(({ success }) => success !== true).length, 0);
  if (commits.length === 0) throw new Error('nothing was committed');
}

/** What a formatter prints of `__consumer_offsets`: objects with nothing between them. */
async function internalRecords(tools: Toolbox, formatter: string): Promise<string> {
  const ends = await offsets(tools, '--topic', '__consumer_offsets');
  const starts = await offsets(tools, '--topic', '__consumer_offsets', '--time', 'earliest');
  const count = sum(ends.map(([, offset]) => offset)) - sum(starts.map(([, offset]) => offset));
  const what = ['--topic', '__consumer_offsets', '--from-beginning', '--group', `of-${formatter}`];
  const bounds = ['--max-messages', String(count), '--timeout-ms', '20000'];
  const ended = await tools.end('consoleConsumer', [
    ...[...what, ...bounds],
    ...['--formatter', `org.apache.kafka.tools.consumer.${formatter}`],
  ]);
  // Records that compaction took away are waited for in vain.
  expectNoMatch(textOf(ended), /(?<!Timeout)Exception/);
  return `[${ended.stdout.replaceAll('}{"key":', '},{"key":')}]`;
}

interface InternalRecord {
  key: { type: number; data: { group: string; topic?: string; partition?: number } };
  value: { data: { offset?: number; protocolType?: string; members?: unknown[] } } | null;
}

export const RECORD_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'VerifiableProducer',
    run: async (tools) => {
      await createTopic(tools.hub, TOPIC, 3);
      const count = ['--max-messages', String(RECORDS), '--acks', '-1', '--repeating-keys', '50'];
      const events = eventsIn(await tools.ok('verifiableProducer', ['--topic', TOPIC, ...count]));
      const successes = events.filter(({ name }) => name === 'producer_send_success');
      expectEqual('successes', successes.length, RECORDS);
      const totals = events.find(({ name }) => name === 'tool_data');
      expectEqual('totals', [totals?.sent, totals?.acked], [RECORDS, RECORDS]);
    },
  },
  {
    name: 'VerifiableConsumer, classic protocol and KIP-848',
    run: async (tools) => {
      await consumeVerifiably(tools, CLASSIC, 'classic');
      await consumeVerifiably(tools, NEW, 'consumer');
    },
  },
  {
    name: 'console producer and consumer: keys, headers, nulls',
    run: async (tools) => {
      await createTopic(tools.hub, CONSOLE, 1);
      const properties = ['parse.key=true', 'parse.headers=true', 'key.separator=:', 'null.marker=NULL'];
      const lines = 'h1:v1,h2:v2\tkey:välue\nh1:v1\tkey:NULL\nh1:v1\tNULL:last\n';
      const reader = properties.flatMap((property) => ['--property', property]);
      await tools.ok(
        'consoleProducer',
        ['--topic', CONSOLE, '--compression-codec', 'zstd', ...reader],
        lines,
      );
      const shown = ['key', 'headers', 'partition', 'offset'].flatMap((field) => [
        '--property',
        `print.${field}=true`,
      ]);
      const read = ['--topic', CONSOLE, '--from-beginning', '--max-messages', '3', ...shown];
      expectEqual('records', (await tools.ok('consoleConsumer', read)).split('\n'), [
        'Partition:0\tOffset:0\th1:v1,h2:v2\tkey\tvälue',
        'Partition:0\tOffset:1\th1:v1\tkey\tnull',
        'Partition:0\tOffset:2\th1:v1\tnull\tlast',
        '',
      ]);
      const one = ['--topic', CONSOLE, '--partition', '0', '--offset', '2', '--max-messages', '1'];
      expectEqual('from an offset', await tools.ok('consoleConsumer', one), 'last\n');
    },
  },
  {
    name: 'get-offsets: every --time, by topic and partition',
    run: async (tools) => {
      const at = async (time: string) => {
        const found = await offsets(tools, '--topic', TOPIC, '--time', time);
        return { count: found.length, total: sum(found.map(([, offset]) => offset)) };
      };
      for (const time of ['latest', '-1']) expectEqual(time, await at(time), { count: 3, total: RECORDS });
      for (const time of ['earliest', '-2', 'earliest-local', '-4', '0'])
        expectEqual(time, await at(time), { count: 3, total: 0 });
      for (const time of ['max-timestamp', '-3']) expectEqual(time, (await at(time)).count, 3);
      // Nothing is tiered, and nothing is as new as that.
      for (const time of ['latest-tiered', '-5', '99999999999999'])
        expectEqual(time, await at(time), { count: 0, total: 0 });
      const some = await offsets(tools, '--topic-partitions', 'for-kafka-.*:0-2', '--time', 'earliest');
      expectEqual('some partitions', some, [
        [`${TOPIC}:0`, 0],
        [`${TOPIC}:1`, 0],
      ]);
      const own = await offsets(tools, '--exclude-internal-topics', '--time', 'earliest');
      expectEqual('internal ones', own.filter(([name]) => name.startsWith('__')).length, 0);
    },
  },
  {
    name: '__consumer_offsets through its formatters',
    run: async (tools) => {
      const commits = JSON.parse(await internalRecords(tools, 'OffsetsMessageFormatter')) as InternalRecord[];
      for (const group of [CLASSIC, NEW]) {
        const last = new Map<number, number>();
        for (const { key, value } of commits)
          if (key.data.group === group && key.data.topic === TOPIC)
            last.set(key.data.partition!, value?.data.offset ?? -1);
        expectEqual(`committed by ${group}`, [last.size, sum([...last.values()])], [3, RECORDS]);
      }
      const groups = JSON.parse(
        await internalRecords(tools, 'GroupMetadataMessageFormatter'),
      ) as InternalRecord[];
      const own = groups.filter(({ key }) => key.data.group === CLASSIC);
      const joined = own.some(
        ({ value }) => value?.data.protocolType === 'consumer' && value.data.members?.length === 1,
      );
      if (!joined) throw new Error(`no generation with the member of ${CLASSIC}: ${JSON.stringify(own)}`);
      expectEqual('members in the end', own.at(-1)?.value?.data.members, []);
    },
  },
  {
    name: 'log-dirs',
    run: async (tools) => {
      const output = await tools.ok('logDirs', ['--describe', '--topic-list', TOPIC, '--broker-list', '1']);
      const { brokers } = JSON.parse(rowsOf(output).at(-1)!.join(' ')) as {
        brokers: { logDirs: { error: null; partitions: { partition: string; size: number }[] }[] }[];
      };
      const partitions = brokers[0]!.logDirs[0]!.partitions;
      const names = partitions.map(({ partition }) => partition).sort();
      expectEqual(
        'partitions',
        names,
        [0, 1, 2].map((partition) => `${TOPIC}-${partition}`),
      );
      if (partitions.some(({ size }) => size <= 0)) throw new Error(output);
    },
  },
];

/** At the end, since they take records away. */
export const DELETE_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'delete-records',
    run: async (tools) => {
      const file = join(tools.dir, 'offsets.json');
      const partitions = [0, 1, 2].map((partition) => ({
        topic: TOPIC,
        partition,
        offset: partition === 2 ? -1 : 5,
      }));
      writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
      const ends = await offsets(tools, '--topic', TOPIC);
      const output = await tools.ok('deleteRecords', ['--offset-json-file', file]);
      const last = ends[2]![1];
      for (const [partition, low] of [5, 5, last].entries())
        expectMatch(output, new RegExp(`^partition: ${TOPIC}-${partition}\\tlow_watermark: ${low}$`, 'm'));
      const starts = await offsets(tools, '--topic', TOPIC, '--time', 'earliest');
      expectEqual(
        'log starts',
        starts.map(([, offset]) => offset),
        [5, 5, last],
      );
      writeFileSync(
        file,
        JSON.stringify({ partitions: [{ topic: TOPIC, partition: 0, offset: 10_000 }], version: 1 }),
      );
      expectMatch(
        await tools.refused('deleteRecords', ['--offset-json-file', file]),
        /OffsetOutOfRangeException/,
      );
    },
  },
];

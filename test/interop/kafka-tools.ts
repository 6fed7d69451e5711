import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../harness/process.ts';
import { kafkaTool } from '../setup/kafka-jars.ts';
import type { Hub } from './hub.ts';
import { createTopic } from './scenarios.ts';

/** One of Kafka's own tools, run unchanged; `needs` are keys of the APIs that it asks beside those of every client. */
export interface ToolScenario {
  name: string;
  needs: readonly number[];
  run: (hub: Hub, dir: string) => Promise<void>;
}

const TOOLS = 'org.apache.kafka.tools.';
const GROUPS = `${TOOLS}consumer.group.ConsumerGroupCommand`;
const CONSOLE_CONSUMER = `${TOOLS}consumer.ConsoleConsumer`;
const TOPIC = 'for-kafka-tools';
const GROUP = 'of-kafka-tools';
const RECORDS = 300;

async function tool(hub: Hub, mainClass: string, ...args: string[]): Promise<string> {
  const server = ['--bootstrap-server', hub.bootstrap];
  const jvm = ['-XX:TieredStopAtLevel=1', ...kafkaTool(mainClass, ...server, ...args)];
  const { code, stdout, stderr } = await run('java', jvm, { timeoutMs: 60_000 });
  if (code !== 0 || /Exception/.test(stdout + stderr))
    throw new Error(
      `${mainClass} ${args.join(' ')} ended with ${code}:\n${`${stdout}${stderr}`.slice(0, 2_000)}`,
    );
  return stdout;
}

/** Fails with the whole output unless it matches. */
function expectMatch(output: string, ...patterns: readonly RegExp[]): void {
  for (const pattern of patterns)
    if (!pattern.test(output)) throw new Error(`no ${pattern} in:\n${output.slice(0, 2_000)}`);
}

/** Column `index` of the rows that begin with `first`, as numbers. */
const column = (output: string, first: string, index: number): number[] =>
  output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[0] === first)
    .map((fields) => Number(fields[index]));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function expectSum(what: string, output: string, numbers: readonly number[], expected: number): void {
  if (numbers.length !== 3 || sum(numbers) !== expected)
    throw new Error(`${what}: ${numbers} where 3 numbers with the sum ${expected} should be:\n${output}`);
}

async function endOffsets(hub: Hub, time: string, expected: number): Promise<void> {
  const output = await tool(hub, `${TOOLS}GetOffsetShell`, '--topic', TOPIC, '--time', time);
  const offsets = output
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(line.split(':')[2]));
  expectSum(`offsets at ${time}`, output, offsets, expected);
}

async function resetOffsets(hub: Hub, to: readonly string[], expected: number): Promise<void> {
  await tool(hub, GROUPS, '--group', GROUP, '--reset-offsets', '--topic', TOPIC, ...to, '--execute');
  const described = await tool(hub, GROUPS, '--describe', '--group', GROUP);
  expectSum(`committed offsets after ${to}`, described, column(described, GROUP, 3), expected);
}

/** In the order in which they must run: later ones look at what earlier ones made. */
export const TOOL_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'broker-api-versions',
    needs: [],
    run: async (hub) =>
      expectMatch(
        await tool(hub, `${TOOLS}BrokerApiVersionsCommand`),
        /Produce\(0\): 0 to 1\d/,
        /Fetch\(1\)/,
      ),
  },
  {
    name: 'cluster id',
    needs: [60],
    run: async (hub) => {
      const mainClass = `${TOOLS}ClusterTool`;
      const args = ['cluster-id', '--bootstrap-server', hub.bootstrap];
      const { stdout, stderr } = await run('java', kafkaTool(mainClass, ...args));
      expectMatch(stdout + stderr, /Cluster ID: \S+/);
    },
  },
  {
    name: 'topics: create, list, describe, delete',
    needs: [],
    run: async (hub) => {
      const topics = (...args: string[]) => tool(hub, `${TOOLS}TopicCommand`, ...args);
      await topics('--create', '--topic', 'by-tool', '--partitions', '2', '--config', 'retention.ms=3600000');
      expectMatch(await topics('--list'), /^by-tool$/m);
      const described = await topics('--describe', '--topic', 'by-tool');
      expectMatch(described, /PartitionCount: 2/, /retention\.ms=3600000/);
      await topics('--delete', '--topic', 'by-tool');
      if (/^by-tool$/m.test(await topics('--list'))) throw new Error('by-tool is listed after its deletion');
    },
  },
  {
    name: 'topics: add partitions',
    needs: [37],
    run: async (hub) => {
      const topics = (...args: string[]) => tool(hub, `${TOOLS}TopicCommand`, '--topic', 'grown', ...args);
      await createTopic(hub, 'grown', 2);
      await topics('--alter', '--partitions', '5');
      expectMatch(await topics('--describe'), /PartitionCount: 5/);
    },
  },
  {
    name: 'VerifiableProducer',
    needs: [],
    run: async (hub) => {
      await createTopic(hub, TOPIC, 3);
      const args = [
        '--topic',
        TOPIC,
        '--max-messages',
        String(RECORDS),
        '--acks',
        '-1',
        '--repeating-keys',
        '50',
      ];
      const output = await tool(hub, `${TOOLS}VerifiableProducer`, ...args);
      expectMatch(
        output,
        new RegExp(`"sent":${RECORDS}.*"acked":${RECORDS}|"acked":${RECORDS}.*"sent":${RECORDS}`),
      );
    },
  },
  {
    name: 'VerifiableConsumer',
    needs: [],
    run: async (hub) => {
      const args = ['--topic', TOPIC, '--group-id', GROUP, '--max-messages', String(RECORDS)];
      const output = await tool(hub, `${TOOLS}VerifiableConsumer`, ...args, '--reset-policy', 'earliest');
      const events = output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { name: string; count?: number; success?: boolean });
      const consumed = events
        .filter(({ name }) => name === 'records_consumed')
        .map(({ count }) => count ?? 0);
      if (sum(consumed) !== RECORDS) throw new Error(`consumed ${sum(consumed)}:\n${output.slice(0, 2_000)}`);
      if (!events.some(({ name, success }) => name === 'offsets_committed' && success === true))
        throw new Error(`no commit that succeeded:\n${output.slice(0, 2_000)}`);
    },
  },
  {
    name: 'get-offsets: latest, earliest, max timestamp',
    needs: [],
    run: async (hub) => {
      await endOffsets(hub, 'latest', RECORDS);
      await endOffsets(hub, 'earliest', 0);
      const output = await tool(hub, `${TOOLS}GetOffsetShell`, '--topic', TOPIC, '--time', 'max-timestamp');
      if (output.split('\n').filter((line) => /:\d+:\d+$/.test(line)).length !== 3) throw new Error(output);
    },
  },
  {
    name: 'consumer-groups: list, describe, state, members',
    needs: [],
    run: async (hub) => {
      expectMatch(await tool(hub, GROUPS, '--list'), new RegExp(`^${GROUP}$`, 'm'));
      const described = await tool(hub, GROUPS, '--describe', '--group', GROUP);
      expectSum('committed offsets', described, column(described, GROUP, 3), RECORDS);
      expectSum('lag', described, column(described, GROUP, 5), 0);
      expectMatch(await tool(hub, GROUPS, '--describe', '--group', GROUP, '--state'), /Empty/);
      await tool(hub, GROUPS, '--describe', '--group', GROUP, '--members');
    },
  },
  {
    name: 'consumer-groups: reset offsets to earliest, by -10, to a time, to latest',
    needs: [],
    run: async (hub) => {
      await resetOffsets(hub, ['--to-earliest'], 0);
      await resetOffsets(hub, ['--to-latest'], RECORDS);
      await resetOffsets(hub, ['--shift-by', '-10'], RECORDS - 30);
      await resetOffsets(hub, ['--to-datetime', '2020-01-01T00:00:00.000'], 0);
      await resetOffsets(hub, ['--to-latest'], RECORDS);
    },
  },
  {
    name: '__consumer_offsets through its formatter',
    needs: [],
    run: async (hub) => {
      const formatter = `${TOOLS}consumer.OffsetsMessageFormatter`;
      const args = ['--topic', '__consumer_offsets', '--from-beginning', '--timeout-ms', '4000'];
      const jvm = kafkaTool(
        CONSOLE_CONSUMER,
        '--bootstrap-server',
        hub.bootstrap,
        ...args,
        '--formatter',
        formatter,
      );
      const { stdout, stderr } = await run('java', jvm);
      const mine = stdout
        .split(/(?<=\})\s*(?=\{"key":)/)
        .filter((text) => text.includes(`"${GROUP}"`))
        .map((text) => JSON.parse(text) as { key: { data: { topic?: string } }; value: unknown });
      if (!mine.some(({ key, value }) => key.data.topic === TOPIC && value !== null))
        throw new Error(`no commit of ${GROUP} in:\n${stdout.slice(0, 1_000)}${stderr.slice(0, 1_000)}`);
    },
  },
  {
    name: 'consumer-groups: delete offsets',
    needs: [47],
    run: async (hub) => {
      const output = await tool(hub, GROUPS, '--group', GROUP, '--delete-offsets', '--topic', TOPIC);
      expectMatch(output, /Successful/);
    },
  },
  {
    name: 'consumer-groups: delete',
    needs: [42],
    run: async (hub) => {
      await tool(
        hub,
        GROUPS,
        '--group',
        GROUP,
        '--reset-offsets',
        '--topic',
        TOPIC,
        '--to-latest',
        '--execute',
      );
      expectMatch(await tool(hub, GROUPS, '--delete', '--group', GROUP), /successful/);
      if (new RegExp(`^${GROUP}$`, 'm').test(await tool(hub, GROUPS, '--list')))
        throw new Error('the group is listed after its deletion');
    },
  },
  {
    name: 'configs: alter and describe a topic',
    needs: [44],
    run: async (hub) => {
      const configs = (...args: string[]) =>
        tool(hub, 'kafka.admin.ConfigCommand', '--entity-type', 'topics', '--entity-name', TOPIC, ...args);
      await configs('--alter', '--add-config', 'retention.ms=7200000');
      expectMatch(await configs('--describe'), /retention\.ms=7200000/);
      await configs('--alter', '--delete-config', 'retention.ms');
      if (/retention\.ms=7200000/.test(await configs('--describe')))
        throw new Error('retention.ms is still set');
    },
  },
  {
    name: 'configs: describe a broker',
    needs: [],
    run: async (hub) => {
      const all = ['--describe', '--all', '--entity-type', 'brokers', '--entity-name', '1'];
      expectMatch(await tool(hub, 'kafka.admin.ConfigCommand', ...all), /\w+=\S*/);
    },
  },
  {
    name: 'delete-records',
    needs: [21],
    run: async (hub, dir) => {
      const file = join(dir, 'offsets.json');
      const partitions = [0, 1, 2].map((partition) => ({ topic: TOPIC, partition, offset: 5 }));
      writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
      expectMatch(
        await tool(hub, `${TOOLS}DeleteRecordsCommand`, '--offset-json-file', file),
        /low_watermark: 5/,
      );
      await endOffsets(hub, 'earliest', 15);
    },
  },
  {
    name: 'log-dirs',
    needs: [35],
    run: async (hub) =>
      expectMatch(
        await tool(hub, `${TOOLS}LogDirsCommand`, '--describe', '--topic-list', TOPIC),
        new RegExp(`"partition":"${TOPIC}-0","size":[1-9]`),
      ),
  },
];

import { createTopic } from '../scenarios.ts';
import {
  expectEqual,
  expectMatch,
  expectNoMatch,
  rowsOf,
  type Toolbox,
  type ToolScenario,
} from './toolbox.ts';

const names = async (tools: Toolbox, ...args: string[]): Promise<string[]> =>
  rowsOf(await tools.ok('topics', ['--list', ...args])).map(([name]) => name!);

/** The partitions that `--describe` shows of a topic. */
const partitionsIn = (output: string, topic: string): number[] =>
  Array.from(
    output.matchAll(
      new RegExp(`^\\tTopic: ${topic}\\tPartition: (\\d+)\\tLeader: 1\\tReplicas: 1\\tIsr: 1\\b`, 'gm'),
    ),
    ([, partition]) => Number(partition),
  );

export const TOPIC_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'topics: create, list, describe, delete',
    run: async (tools) => {
      const made = ['--topic', 'by-tool', '--partitions', '2', '--config', 'retention.ms=3600000'];
      expectMatch(await tools.ok('topics', ['--create', ...made]), /^Created topic by-tool\.$/m);
      expectMatch(await tools.refused('topics', ['--create', ...made]), /by-tool already exists/);
      await tools.ok('topics', ['--create', ...made, '--if-not-exists']);
      expectEqual('topics', await names(tools, '--exclude-internal', '--topic', 'by-t.*'), ['by-tool']);
      const described = await tools.ok('topics', ['--describe', '--topic', 'by-tool']);
      expectMatch(
        described,
        /^Topic: by-tool\tTopicId: \S+\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: retention\.ms=3600000$/m,
      );
      expectEqual('partitions', partitionsIn(described, 'by-tool'), [0, 1]);
      const id = /TopicId: (\S+)/.exec(described)![1]!;
      const byId = await tools.ok('topics', ['--describe', '--topic-id', id]);
      expectEqual('by its id', byId.split('\n')[0], described.split('\n')[0]);
      expectMatch(
        await tools.refused('topics', ['--describe', '--topic', 'nowhere']),
        /'nowhere' does not exist/,
      );
      await tools.ok('topics', ['--describe', '--topic', 'nowhere', '--if-exists']);
      await tools.ok('topics', ['--delete', '--topic', 'by-tool']);
      expectEqual('topics', await names(tools, '--topic', 'by-t.*'), []);
      expectMatch(
        await tools.refused('topics', ['--delete', '--topic', 'by-tool']),
        /'by-tool' does not exist/,
      );
      await tools.ok('topics', ['--delete', '--topic', 'by-tool', '--if-exists']);
    },
  },
  {
    name: 'topics: add partitions, and never take them away',
    run: async (tools) => {
      await createTopic(tools.hub, 'grown', 2);
      await tools.ok('topics', ['--alter', '--topic', 'grown', '--partitions', '5']);
      const described = await tools.ok('topics', ['--describe', '--topic', 'grown']);
      expectEqual('partitions', partitionsIn(described, 'grown'), [0, 1, 2, 3, 4]);
      expectMatch(
        await tools.refused('topics', ['--alter', '--topic', 'grown', '--partitions', '4']),
        /InvalidPartitionsException: topic grown has 5 partitions/,
      );
      expectMatch(
        await tools.refused('topics', ['--alter', '--topic', 'nowhere', '--partitions', '4']),
        /'nowhere' does not exist/,
      );
    },
  },
  {
    name: 'topics: partitions at and under their minimum of replicas, with overrides',
    run: async (tools) => {
      const grown = ['--describe', '--topic', 'grown'];
      for (const none of ['under-replicated', 'unavailable', 'under-min-isr'])
        expectEqual(none, await tools.ok('topics', [...grown, `--${none}-partitions`]), '');
      const atMinimum = await tools.ok('topics', [...grown, '--at-min-isr-partitions']);
      expectEqual('at the minimum', partitionsIn(atMinimum, 'grown'), [0, 1, 2, 3, 4]);
      const make = ['--create', '--topic', 'overridden', '--config', 'segment.ms=1000000'];
      await tools.ok('topics', make);
      const overridden = await tools.ok('topics', ['--describe', '--topics-with-overrides']);
      expectMatch(overridden, /^Topic: overridden\t.*Configs: segment\.ms=1000000$/m);
      expectNoMatch(overridden, /Topic: grown/);
    },
  },
  {
    name: 'topics: what is not allowed is refused with the reason',
    run: async (tools) => {
      const create = (...args: string[]) => tools.refused('topics', ['--create', '--topic', ...args]);
      expectMatch(await create('no/slash'), /illegal|no\/slash/);
      expectMatch(await create('copied', '--replication-factor', '3'), /InvalidReplicationFactorException/);
      expectMatch(
        await create('odd', '--config', 'retention.ms=soon'),
        /Invalid value soon for configuration retention\.ms/,
      );
      expectEqual('topics', await names(tools, '--topic', 'copied|odd'), []);
    },
  },
];

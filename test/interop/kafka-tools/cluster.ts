import { CONSOLE, TOPIC } from './records.ts';
import { watchInOwnJvm } from './runner.ts';
import { expectEqual, expectMatch, rowsOf, type ToolScenario, textOf } from './toolbox.ts';

/** What describes the cluster; where something is not served, the tool must say so and nothing else. */
export const CLUSTER_SCENARIOS: readonly ToolScenario[] = [
  {
    name: 'broker-api-versions',
    run: async (tools) =>
      expectMatch(
        await tools.ok('brokerApiVersions', []),
        new RegExp(`^${tools.hub.bootstrap} \\(id: 1 `, 'm'),
        /Produce\(0\): 0 to 1\d \[usable: 1\d\]/,
        /ConsumerGroupHeartbeat\(68\): 0 to 1 /,
      ),
  },
  {
    name: 'cluster id and endpoints',
    run: async (tools) => {
      expectMatch(await tools.ok('cluster', ['cluster-id']), /^Cluster ID: \S{22}$/m);
      const [, endpoint] = rowsOf(await tools.ok('cluster', ['list-endpoints']));
      expectEqual('endpoint', endpoint?.slice(0, 3), ['1', ...tools.hub.bootstrap.split(':')]);
    },
  },
  {
    name: 'producers of a partition; transactions that hang',
    run: async (tools) => {
      const args = ['describe-producers', '--topic', CONSOLE, '--partition', '0'];
      const [header, producer] = rowsOf(await tools.ok('transactions', args));
      expectEqual('columns', header?.slice(0, 2), ['ProducerId', 'ProducerEpoch']);
      expectMatch(producer!.join(' '), /^\d+ 0 -1 \d+ \d{13} None$/);
      expectEqual(
        'hanging',
        rowsOf(await tools.ok('transactions', ['find-hanging', '--broker-id', '1'])).length,
        1,
      );
      const listed = await tools.end('transactions', ['list']);
      if (listed.code !== 0) expectMatch(textOf(listed), /does not support LIST_TRANSACTIONS/);
    },
  },
  {
    name: 'replica verification',
    run: (tools) =>
      watchInOwnJvm(
        'org.apache.kafka.tools.ReplicaVerificationTool',
        ['--broker-list', tools.hub.bootstrap, '--topics-include', TOPIC, '--report-interval-ms', '200'],
        /max lag is 0 for partition \S+ at offset \d+ among 3 partitions/,
      ),
  },
  {
    name: 'features, client metrics, quorum, reassignments',
    run: async (tools) => {
      await tools.ok('features', ['describe']);
      expectEqual('client metrics', (await tools.ok('clientMetrics', ['--list'])).trim(), '');
      expectEqual('client metrics', (await tools.ok('clientMetrics', ['--describe'])).trim(), '');
      expectMatch(await tools.ok('quorum', ['describe', '--status']), /^LeaderId: +1$/m);
      expectMatch(await tools.ok('reassign', ['--list']), /No partition reassignments found/);
    },
  },
];

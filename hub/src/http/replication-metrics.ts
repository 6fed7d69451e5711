import { isUnderReplicated } from '@edgelog/cluster';
import type { Metrics } from '@edgelog/runtime';
import type { Partition } from '../partition/partition.ts';
import { isOffline } from './overview/health.ts';
import type { HubView } from './status.ts';

/**
 * How well the partitions are replicated, under the names that the JMX exporter's rules make of Kafka's. The broker's own topics count
 * too. As in Kafka a broker tells of what it leads, and the controller of the whole cluster, so that sums over brokers are right.
 */
export function registerReplicationMetrics(metrics: Metrics, { broker, endpoint }: HubView): void {
  const { nodeId, cluster, topics } = broker;
  const isController = () => cluster.controllerId === nodeId;
  const leads = ({ leadership }: Partition) => leadership.leaderId === nodeId;
  const count = (is: (partition: Partition) => boolean): number => {
    let found = 0;
    for (const { partitions } of topics.all()) for (const one of partitions) if (is(one)) found += 1;
    return found;
  };

  metrics.gauge(
    'kafka_brokers',
    'Brokers of the cluster that are alive.',
    () => cluster.nodes(endpoint).length,
  );
  metrics.gauge('kafka_server_replicamanager_partitioncount', 'Replicas on this broker.', () =>
    count(({ replica }) => replica !== undefined),
  );
  metrics.gauge('kafka_server_replicamanager_leadercount', 'Partitions that it leads.', () => count(leads));
  metrics.gauge(
    'kafka_server_replicamanager_underreplicatedpartitions',
    'Partitions that it leads with a replica that is not in sync.',
    () => count((one) => leads(one) && isUnderReplicated(one.leadership)),
  );
  metrics.gauge(
    'kafka_server_replicamanager_underminisrpartitioncount',
    'Partitions that it leads with fewer replicas in sync than must have a record: acks=all is refused.',
    () => count((one) => leads(one) && one.replication.commitRefusal === 'NOT_ENOUGH_REPLICAS'),
  );
  metrics.gauge(
    'kafka_server_replicamanager_offlinereplicacount',
    'Replicas that it should have and has not.',
    () => count(({ leadership, replica }) => replica === undefined && leadership.replicas.includes(nodeId)),
  );
  metrics.gauge(
    'kafka_controller_kafkacontroller_activecontrollercount',
    '1 on the controller, 0 on others: 1 in sum.',
    () => (isController() ? 1 : 0),
  );
  metrics.gauge(
    'kafka_controller_kafkacontroller_offlinepartitionscount',
    'Partitions of the cluster that nobody leads, on the controller; 0 on others.',
    () => (isController() ? count(({ leadership }) => isOffline(leadership)) : 0),
  );
}

import type { ClusterView } from '../cluster-view.ts';
import type { RecordTable } from '../sync/record-table.ts';
import type { ClusterAdmin } from './cluster-admin.ts';
import type { BrokerConfigs } from './dynamic-broker-config.ts';
import type { TopicAdmin } from './topic-admin.ts';

/** Where what brokers know beside their logs is kept: in the store of a standalone broker, or in etcd. */
export interface MetadataHome {
  readonly clusterId: string;
  readonly topicAdmin: TopicAdmin;
  readonly clusterAdmin: ClusterAdmin;
  readonly cluster: ClusterView;
  /** What was set for brokers while they run, by their ids. */
  readonly brokerConfigs: RecordTable<BrokerConfigs>;
  readonly producerIds: ProducerIdSource;
}

export interface ProducerIdSource {
  /** An id for a Kafka client's idempotent producer, given once, ever. */
  allocate(): Promise<number>;
}

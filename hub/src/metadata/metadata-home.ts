import type { ClusterView } from '../cluster-view.ts';
import type { ClusterAdmin } from './cluster-admin.ts';
import type { TopicAdmin } from './topic-admin.ts';

/** Where what brokers know beside their logs is kept: in the store of a standalone broker, or in etcd. */
export interface MetadataHome {
  readonly clusterId: string;
  readonly topicAdmin: TopicAdmin;
  readonly clusterAdmin: ClusterAdmin;
  readonly cluster: ClusterView;
  readonly producerIds: ProducerIdSource;
}

export interface ProducerIdSource {
  /** An id for a Kafka client's idempotent producer, given once, ever. */
  allocate(): Promise<number>;
}

import type { Metrics, Sample } from '@edgelog/runtime';
import type { ClusterHandle } from '../cluster/index.ts';
import type { ReplicaManager } from '../replication/index.ts';
import type { BoundedSeries } from './bounded-series.ts';

/** What only a broker of a cluster has: followers, a registration, calls to etcd. */
export function registerClusterMetrics(
  metrics: Metrics,
  series: BoundedSeries,
  cluster: Pick<ClusterHandle, 'brokerId' | 'etcd' | 'mirror' | 'session'>,
  replicas: ReplicaManager,
): void {
  countIsrChanges(metrics, cluster);
  watchEtcd(metrics, cluster);
  metrics.gauge(
    'edgelog_replica_lag_records',
    'Records that a follower has not got on disk, of partitions that this broker leads.',
    () => series.of('edgelog_replica_lag_records', followerLags(replicas)),
  );
  metrics.gauge(
    'kafka_server_replicafetchermanager_maxlag',
    'The greatest lag of a follower, of partitions that this broker leads.',
    () => [...followerLags(replicas)].reduce((most, { value }) => Math.max(most, value), 0),
  );
  metrics.counterFrom(
    'edgelog_replicas_healed_total',
    'Damaged replicas that were dropped from the damage on, to be fetched again.',
    () => replicas.healings,
  );
}

function* followerLags(replicas: ReplicaManager): Generator<Sample> {
  for (const replica of replicas.replicas()) {
    const { topic, index } = replica.partition;
    for (const { brokerId, lag } of replica.followerLags())
      yield { labels: { broker: brokerId, topic, partition: index }, value: lag };
  }
}

/** Whoever changed the ISR, its leader or the controller: it is counted where the partition is led. */
function countIsrChanges(
  metrics: Metrics,
  { brokerId, mirror }: Pick<ClusterHandle, 'brokerId' | 'mirror'>,
): void {
  const shrinks = metrics.counter(
    'kafka_server_replicamanager_isrshrinks_total',
    'Replicas in sync became fewer, of partitions that this broker leads.',
  );
  const expands = metrics.counter(
    'kafka_server_replicamanager_isrexpands_total',
    'Replicas in sync became more, likewise.',
  );
  mirror.onChange(({ partitions }) => {
    for (const { before, after } of partitions) {
      if (before === undefined || after?.record.leader !== brokerId) continue;
      const { isr } = after.record;
      if (before.record.isr.some((id) => !isr.includes(id))) shrinks.inc();
      if (isr.some((id) => !before.record.isr.includes(id))) expands.inc();
    }
  });
}

function watchEtcd(metrics: Metrics, { etcd, session }: Pick<ClusterHandle, 'etcd' | 'session'>): void {
  const help = 'How long a call to a member of etcd took, by call.';
  etcd.onCall(({ path, tookMs, fault }) => {
    metrics.histogram('edgelog_etcd_request_seconds', help, { call: path }).observe(tookMs / 1_000);
    if (fault !== undefined) {
      metrics
        .counter('edgelog_etcd_requests_failed_total', 'Calls that failed, by reason.', { reason: fault })
        .inc();
    }
  });
  metrics.gauge('edgelog_etcd_registered', '1 while this broker is surely registered, else 0.', () =>
    session.epoch === undefined ? 0 : 1,
  );
  const lost = metrics.counter(
    'edgelog_etcd_session_lost_total',
    'Times that the registration was lost, by this broker or in its absence.',
  );
  session.onLost(() => lost.inc());
}

import type { Metrics } from '@edgelog/runtime';
import type { Membership } from '../open-broker.ts';
import { BoundedSeries } from './bounded-series.ts';
import { registerClusterMetrics } from './cluster-metrics.ts';
import { registerKafkaMetrics } from './kafka-metrics.ts';
import { registerReplicationMetrics } from './replication-metrics.ts';
import type { HubView } from './status.ts';

/** Of one metric. */
const SERIES_MAX = 10_000;

/** Registers what the hub's parts know, read when /metrics is asked for. */
export function registerHubMetrics(
  metrics: Metrics,
  view: HubView,
  membership: Membership | undefined,
): void {
  const { broker, listener, sync, gaps, requests, scrub } = view;
  const { store, topics, responses } = broker;
  const stats = () => store.stats();
  const series = new BoundedSeries(SERIES_MAX);
  registerKafkaMetrics(metrics, series, broker);
  registerReplicationMetrics(metrics, view);
  if (membership) registerClusterMetrics(metrics, series, membership.cluster, membership.replicas);
  metrics.gauge('edgelog_metric_series_omitted', `Series beyond the ${SERIES_MAX} shown of a metric.`, () =>
    series.omitted(),
  );
  metrics.gauge('edgelog_kafka_connections', 'Kafka connections.', () => listener.connectionCount);
  metrics.gauge(
    'edgelog_kafka_requests_in_flight',
    'Kafka requests without an answer yet.',
    () => listener.inFlight,
  );
  metrics.gauge('edgelog_request_memory_bytes', 'Requests held in memory.', () => requests.heldBytes);
  metrics.gauge(
    'edgelog_response_memory_bytes',
    'Responses not taken by clients.',
    () => responses.heldBytes,
  );
  metrics.gauge('edgelog_sync_connections', 'Connections of agents.', () => sync.status().connections);
  metrics.gauge('edgelog_gateways_live', 'Gateways with a session.', () => sync.status().gateways.length);
  metrics.gauge('edgelog_gap_records', 'Records that gateways declared lost.', () => gaps.lostRecords);
  metrics.gauge('edgelog_topics', "Topics, the broker's own included.", () => topics.count);
  metrics.gauge('edgelog_log_segments', 'Segments of the log.', () => stats().segments);
  metrics.gauge('edgelog_log_physical_bytes', 'Disk space of the log.', () => stats().physicalBytes);
  metrics.gauge('edgelog_log_live_bytes', 'Batches that can be read.', () => stats().liveBytes);
  metrics.gauge(
    'edgelog_log_dead_bytes',
    'Deleted batches whose space is not free yet.',
    () => stats().deadBytes,
  );
  metrics.gauge(
    'edgelog_log_damaged_ranges',
    'Ranges of offsets that reading found damaged.',
    () => store.damage().length,
  );
  metrics.gauge(
    'edgelog_scrub_read_bytes',
    'Stored batches read to find what rots, since the start.',
    () => scrub.status().readBytes,
  );
  metrics.gauge(
    'edgelog_scrub_pass_seconds',
    'How long the last reading of all that is stored took; 0 before its end.',
    () => scrub.status().lastPassSeconds ?? 0,
  );
  metrics.gauge('edgelog_log_pending_bytes', 'Appended and not on disk yet.', () => stats().pendingBytes);
  metrics.counterFrom(
    'edgelog_log_appended_bytes_total',
    'Bytes of batches appended.',
    () => stats().appendedBytes,
  );
  metrics.counterFrom('edgelog_log_commits_total', 'Group commits.', () => stats().commits);
}

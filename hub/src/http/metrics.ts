import type { Metrics, Sample } from '@edgelog/runtime';
import { groupsStatus, type HubView } from './status.ts';

/** Registers what the hub's parts know, read when /metrics is asked for. */
export function registerHubMetrics(metrics: Metrics, view: HubView): void {
  const { broker, listener, sync, gaps, requests } = view;
  const { store, topics, responses } = broker;
  const stats = () => store.stats();
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
  metrics.gauge('edgelog_partition_end_offset', 'High watermark.', function* (): Generator<Sample> {
    for (const topic of topics.all()) {
      if (topic.isInternal) continue;
      for (const { index, log } of topic.partitions) {
        yield { labels: { topic: topic.name, partition: index }, value: log.highWatermark };
      }
    }
  });
  metrics.gauge('edgelog_group_lag', 'Records between committed offset and high watermark.', function* () {
    for (const { groupId, offsets } of groupsStatus(broker)) {
      for (const { topic, partition, lag } of offsets)
        yield { labels: { group: groupId, topic, partition }, value: lag };
    }
  });
  metrics.gauge('edgelog_log_segments', 'Segments of the log.', () => stats().segments);
  metrics.gauge('edgelog_log_physical_bytes', 'Disk space of the log.', () => stats().physicalBytes);
  metrics.gauge('edgelog_log_pending_bytes', 'Appended and not on disk yet.', () => stats().pendingBytes);
  metrics.counterFrom(
    'edgelog_log_appended_bytes_total',
    'Bytes of batches appended.',
    () => stats().appendedBytes,
  );
  metrics.counterFrom('edgelog_log_commits_total', 'Group commits.', () => stats().commits);
}

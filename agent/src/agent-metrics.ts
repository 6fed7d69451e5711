import { type Metrics, registerProcessMetrics, type Sample } from '@edgelog/runtime';
import { registerSinkMetrics } from '@edgelog/sink/metrics.ts';
import type { RouteStatus } from './ingest/index.ts';
import { type AgentParts, type StreamStatus, streamStatus } from './status.ts';

/** Registers what /metrics says beside the counters of the sources. Returns a function that stops the measuring. */
export function registerAgentMetrics(metrics: Metrics, parts: AgentParts): () => void {
  const { store, streams, disk, mqtt, uplink } = parts;
  const perStream = (value: (status: StreamStatus) => number) => (): Sample[] =>
    [...streams.list()].map((stream) => ({
      labels: { topic: stream.state.topic },
      value: value(streamStatus(stream, [], parts.now())),
    }));
  const gauge = (name: string, help: string, value: (status: StreamStatus) => number) =>
    metrics.gauge(name, help, perStream(value));
  gauge('edgelog_stream_log_start_offset', 'First offset on disk.', (s) => s.logStartOffset);
  gauge('edgelog_stream_end_offset', 'One past the newest reading.', (s) => s.endOffset);
  gauge('edgelog_stream_acked_offset', 'One past the newest acknowledged reading.', (s) => s.ackedOffset);
  gauge('edgelog_stream_lag_records', 'Readings that no hub has acknowledged.', (s) => s.lagRecords);
  gauge('edgelog_stream_lag_bytes', 'Their bytes.', (s) => s.lagBytes);
  gauge(
    'edgelog_stream_oldest_unacked_seconds',
    'Age of the oldest of them.',
    (s) => s.oldestUnackedMs / 1000,
  );
  metrics.gauge('edgelog_mqtt_clients', 'MQTT clients connected.', () => mqtt.connectedClients);
  metrics.gauge('edgelog_mqtt_sessions', 'Persistent MQTT sessions.', () => mqtt.store().sessions);
  metrics.gauge(
    'edgelog_mqtt_queued_bytes',
    'Bytes queued on disk for persistent MQTT sessions.',
    () => mqtt.store().queuedBytes,
  );
  metrics.gauge('edgelog_mqtt_retained', 'Retained messages.', () => mqtt.store().retained.messages);
  metrics.gauge(
    'edgelog_pending_bytes',
    'Bytes taken and not on disk yet.',
    () => streams.pressure.pendingBytes,
  );
  metrics.gauge('edgelog_disk_used_bytes', 'Bytes of the log on disk.', () => disk.status().usedBytes);
  metrics.counterFrom(
    'edgelog_device_bytes_written_total',
    'Written by the block device of the log since the start, by whoever; of the log alone where that cannot be known.',
    () => {
      const { deviceBytesWritten, logBytesWritten } = parts.wear.status();
      return deviceBytesWritten ?? logBytesWritten;
    },
  );
  metrics.gauge(
    'edgelog_write_amplification',
    'Bytes written to the device for each byte of readings since the start.',
    () => parts.wear.status().amplification ?? 0,
  );
  metrics.gauge('edgelog_dropped_records', 'Records given up on a full disk before any hub had them.', () =>
    [...streams.list()].flatMap(({ state: { topic } }): Sample[] => {
      const dropped = streams.droppedOf(topic);
      return dropped === undefined ? [] : [{ labels: { topic }, value: dropped.records }];
    }),
  );
  metrics.gauge('edgelog_disk_budget_bytes', 'Bytes the log may take.', () => disk.status().maxBytes);
  metrics.gauge(
    'edgelog_log_damaged_ranges',
    'Ranges of offsets on disk that reading found damaged.',
    () => store.damage().length,
  );
  metrics.gauge('edgelog_log_segments', 'Segment files.', () => store.stats().segments);
  metrics.counterFrom(
    'edgelog_log_appended_bytes_total',
    'Bytes given to the log.',
    () => store.stats().appendedBytes,
  );
  metrics.counterFrom(
    'edgelog_log_commits_total',
    'Group commits, one flush each.',
    () => store.stats().commits,
  );
  metrics.gauge('edgelog_uplink_live', '1 while a session with a hub stands.', () =>
    uplink.status().state === 'live' ? 1 : 0,
  );
  metrics.counterFrom(
    'edgelog_uplink_sent_bytes_total',
    'Batch bytes sent.',
    () => uplink.status().sentBytes,
  );
  metrics.counterFrom(
    'edgelog_uplink_acked_bytes_total',
    'Batch bytes acknowledged.',
    () => uplink.status().ackedBytes,
  );
  registerSinkMetrics(metrics, () => uplink.kafka());
  const perRoute = (value: (route: RouteStatus) => number) => (): Sample[] =>
    parts.ingest.status().routes.map((route) => ({ labels: { route: route.name }, value: value(route) }));
  const routeCounter = (name: string, help: string, value: (route: RouteStatus) => number) =>
    metrics.counterFrom(`edgelog_route_${name}_total`, help, perRoute(value));
  routeCounter('matched', 'Messages that matched a route.', (route) => route.matched);
  routeCounter('records', 'Records they became.', (route) => route.records);
  routeCounter('dropped', 'Messages that a route drops.', (route) => route.dropped);
  routeCounter('sampled_out', 'Messages that a sample rule left out.', (route) => route.sampledOut);
  routeCounter('time_faults', 'Device times that cannot be.', (route) => route.timeFaults);
  routeCounter('sparkplug_raw', 'Sparkplug payloads taken as they came.', (route) => route.sparkplugRaw);
  metrics.counterFrom(
    'edgelog_unrouted_total',
    'Messages that no route matched.',
    () => parts.ingest.status().unrouted,
  );
  metrics.gauge('edgelog_clock_trusted', '1 once the system or a hub confirmed the time.', () =>
    parts.clock.isTrusted ? 1 : 0,
  );
  metrics.counterFrom(
    'edgelog_clock_jumps_total',
    "Jumps of the system's clock.",
    () => parts.clock.status().jumps,
  );
  metrics.gauge('edgelog_alarms', 'Alarms that stand.', () => parts.alarms.list().length);
  return registerProcessMetrics(metrics);
}

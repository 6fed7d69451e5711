import type { Metrics, Sample } from '@edgelog/runtime';
import type { KafkaSinkStatus } from './sink-types.ts';

/** Registers what the sink knows, read when /metrics is asked for; no samples while there is none. */
export function registerSinkMetrics(metrics: Metrics, status: () => KafkaSinkStatus | undefined): void {
  const sample = (value: (now: KafkaSinkStatus) => number) => (): Sample[] => {
    const now = status();
    return now === undefined ? [] : [{ labels: { cluster: now.clusterId }, value: value(now) }];
  };
  const gauge = (name: string, help: string, value: (now: KafkaSinkStatus) => number) =>
    metrics.gauge(`edgelog_sink_${name}`, help, sample(value));
  const counter = (name: string, help: string, value: (now: KafkaSinkStatus) => number) =>
    metrics.counterFrom(`edgelog_sink_${name}_total`, help, sample(value));
  gauge('runs', 'Runs opened in the Kafka cluster.', ({ runs }) => runs);
  gauge('in_flight_bytes', 'Bytes that Kafka has yet to answer for.', (now) => now.inFlightBytes);
  gauge('in_flight_batches', 'Batches that Kafka has yet to answer for.', (now) => now.inFlightBatches);
  counter('committed_batches', 'Batches that Kafka acknowledged.', (now) => now.committedBatches);
  counter('committed_records', 'Records in them.', (now) => now.committedRecords);
  counter('committed_bytes', 'Bytes of them.', (now) => now.committedBytes);
  counter(
    'unknown_outcomes',
    'Batches of which Kafka did not tell what became: their runs were opened again.',
    (now) => now.unknownOutcomes,
  );
  counter('refused_batches', 'Batches that Kafka refused.', (now) => now.refusedBatches);
  counter('openings', 'Times that a run was opened.', ({ openings }) => openings);
  counter('scanned_bytes', 'Bytes read to find where a run stands.', (now) => now.scannedBytes);
  gauge(
    'positions_behind',
    'Runs whose committed position is yet to be written to the positions topic.',
    (now) => now.positionsBehind,
  );
  gauge(
    'positions_behind_seconds',
    'How long the oldest of them has waited.',
    (now) => now.positionsBehindMs / 1000,
  );
  gauge('events_waiting', 'Events that are yet to be written.', ({ eventsWaiting }) => eventsWaiting);
}

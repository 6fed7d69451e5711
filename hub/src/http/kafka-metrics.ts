import type { PartitionLog } from '@edgelog/log';
import type { Labels, Metrics, Sample } from '@edgelog/runtime';
import type { Broker } from '../broker.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Partition, Traffic } from '../partition/partition.ts';
import type { BoundedSeries } from './bounded-series.ts';
import { groupsStatus } from './status.ts';

/**
 * What dashboards and alerts for Kafka ask for, under the names they know: `kafka_server_…`, `kafka_log_…` as the JMX
 * exporter's rules for a broker make them (lower case), `kafka_topic_…`, `kafka_consumergroup_…` as kafka_exporter does.
 * The broker's own topics are left out, as kafka_exporter is usually told to.
 */
export function registerKafkaMetrics(metrics: Metrics, series: BoundedSeries, broker: Broker): void {
  function gauge(name: string, help: string, collect: () => Iterable<Sample>): void {
    metrics.gauge(name, help, () => series.of(name, collect()));
  }
  function perPartition(
    name: string,
    help: string,
    read: (partition: Partition) => number | undefined,
  ): void {
    gauge(name, help, function* () {
      for (const partition of partitionsOf(broker)) {
        const value = read(partition);
        if (value !== undefined) yield { labels: labelsOf(partition), value };
      }
    });
  }
  function traffic(name: string, help: string, of: keyof Traffic): void {
    metrics.counterFrom(name, help, () =>
      series.of(
        name,
        topicsOf(broker, (topic) => sum(topic.partitions.map((partition) => partition.traffic[of]))),
      ),
    );
  }
  function perGroup(
    name: string,
    help: string,
    read: (offsets: GroupOffsets) => Iterable<{ labels: Labels; value: number }>,
  ): void {
    gauge(name, help, function* () {
      for (const { groupId, offsets } of groupsStatus(broker)) {
        for (const { labels, value } of read(offsets))
          yield { labels: { consumergroup: groupId, ...labels }, value };
      }
    });
  }

  traffic(
    'kafka_server_brokertopicmetrics_messagesin_total',
    'Records appended since the start, from producers and gateways.',
    'recordsIn',
  );
  traffic('kafka_server_brokertopicmetrics_bytesin_total', 'Bytes of their batches.', 'bytesIn');
  traffic(
    'kafka_server_brokertopicmetrics_bytesout_total',
    'Bytes of batches fetched since the start.',
    'bytesOut',
  );
  perPartition('kafka_log_log_size', 'Bytes of batches from log start to end.', ({ log }) => sizeOf(log));
  perPartition('kafka_log_log_logstartoffset', 'First offset there is.', ({ log }) => log.logStartOffset);
  perPartition('kafka_log_log_logendoffset', 'High watermark.', ({ highWatermark }) => highWatermark);

  gauge('kafka_topic_partitions', 'Partitions of a topic.', () =>
    topicsOf(broker, ({ partitions }) => partitions.length),
  );
  perPartition(
    'kafka_topic_partition_current_offset',
    'High watermark, under the name kafka_exporter gives it.',
    ({ highWatermark }) => highWatermark,
  );
  perPartition(
    'kafka_topic_partition_oldest_offset',
    'First offset there is, likewise.',
    ({ log }) => log.logStartOffset,
  );
  perGroup('kafka_consumergroup_current_offset', 'Offset a group has committed.', (offsets) =>
    offsets.map(({ topic, partition, committedOffset }) => ({
      labels: { topic, partition },
      value: committedOffset,
    })),
  );
  perGroup('kafka_consumergroup_lag', 'Records between committed offset and high watermark.', (offsets) =>
    offsets.map(({ topic, partition, lag }) => ({ labels: { topic, partition }, value: lag })),
  );
  perGroup('kafka_consumergroup_lag_sum', 'Lag of a group in all partitions of a topic.', (offsets) =>
    Array.from(
      Map.groupBy(offsets, ({ topic }) => topic),
      ([topic, own]) => ({ labels: { topic }, value: sum(own.map(({ lag }) => lag)) }),
    ),
  );
  gauge('kafka_consumergroup_members', 'Members of a group.', function* () {
    for (const { groupId, members } of broker.groups.status()) {
      yield { labels: { consumergroup: groupId }, value: members.length };
    }
  });
}

type GroupOffsets = ReturnType<typeof groupsStatus>[number]['offsets'];

function* topicsOf({ topics }: Broker, read: (topic: Topic) => number): Generator<Sample> {
  for (const topic of topics.all()) {
    if (!topic.isInternal) yield { labels: { topic: topic.name }, value: read(topic) };
  }
}

/** Those of which this broker has a replica. */
function* partitionsOf({ topics }: Broker): Generator<Partition> {
  for (const { isInternal, partitions } of topics.all()) {
    if (isInternal) continue;
    for (const partition of partitions) if (partition.replica !== undefined) yield partition;
  }
}

function labelsOf({ topic, index }: Partition): Labels {
  return { topic, partition: index };
}

function sizeOf(log: PartitionLog): number {
  return log.sizeBytesFrom(log.logStartOffset);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

import type { Address } from '@edgelog/runtime';
import type { SyncServer } from '@edgelog/sync';
import type { Broker } from '../broker.ts';
import { damageStatus } from '../fetch/damage.ts';
import type { KafkaListener } from '../net/listener.ts';
import type { MemoryBudget } from '../net/memory-budget.ts';
import type { Gaps } from '../sync/gaps.ts';
import type { Runs } from '../sync/runs.ts';

/** What an operator's view is made from. */
export interface HubView {
  broker: Broker;
  endpoint: Address;
  listener: KafkaListener;
  sync: SyncServer;
  runs: Runs;
  gaps: Gaps;
  requests: MemoryBudget;
  startedAtMs: number;
  now: () => number;
}

/** The body of GET /status. Offsets are the hub's, but for those of runs and gaps, which are their gateway's. */
export function hubStatus({
  broker,
  endpoint,
  listener,
  sync,
  runs,
  gaps,
  requests,
  startedAtMs,
  now,
}: HubView) {
  const { nodeId, clusterId, responses, store } = broker;
  const { connections, gateways, duplicates, rejected } = sync.status();
  return {
    role: 'hub',
    clusterId,
    uptimeMs: now() - startedAtMs,
    brokers: [{ nodeId, ...endpoint }],
    topics: Array.from(broker.topics.all(), topicStatus),
    groups: groupsStatus(broker),
    gateways: gatewaysStatus(),
    duplicateGateways: duplicates,
    runs: Array.from(runs.all(), (run) => ({
      gateway: run.gateway,
      producerId: run.producerId,
      logId: run.logId,
      topic: run.topic,
      partition: run.partition,
      firstOffset: run.firstOffset,
      nextOffset: runs.position(run)?.next ?? run.firstOffset,
      openedAtMs: run.openedAtMs,
      topicDeleted: runs.partitionOf(run) === undefined,
    })),
    gaps: [...gaps.all()],
    connections: {
      kafka: listener.connectionCount,
      kafkaInFlight: listener.inFlight,
      sync: connections,
      rejected,
    },
    memory: { requestBytes: requests.heldBytes, responseBytes: responses.heldBytes },
    disk: store.stats(),
    damage: store.damage().map(damageStatus),
  };

  /** Live sessions, and gateways that were here before: their last sign of life is the last batch. */
  function gatewaysStatus() {
    const live = new Set(gateways.map(({ gateway }) => gateway));
    const absent = new Map<string, number>();
    for (const run of runs.all()) {
      if (live.has(run.gateway)) continue;
      const last = runs.partitionOf(run)?.replica?.producer(run.producerId)?.lastAppendTime ?? run.openedAtMs;
      absent.set(run.gateway, Math.max(last, absent.get(run.gateway) ?? 0));
    }
    return [
      ...gateways,
      ...Array.from(absent, ([gateway, lastSeenAt]) => ({ gateway, state: 'absent' as const, lastSeenAt })),
    ];
  }
}

type TopicOf = ReturnType<Broker['topics']['all']> extends Iterable<infer T> ? T : never;

function topicStatus({ name, id, isInternal, partitions }: TopicOf) {
  const offsets = partitions.flatMap(({ index, replica, highWatermark }) =>
    replica ? [{ partition: index, startOffset: replica.logStartOffset, endOffset: highWatermark }] : [],
  );
  return {
    name,
    id,
    internal: isInternal,
    partitionCount: partitions.length,
    // The broker's own topics have many partitions, most of them empty.
    partitions: isInternal ? offsets.filter(({ endOffset }) => endOffset > 0) : offsets,
  };
}

export function groupsStatus({ groups, topics }: Broker) {
  return groups.status().map((group) => {
    const offsets = groups.committedOffsets(group.groupId).map(({ topic, partition, offset }) => {
      const endOffset = topics.partition(topic, partition)?.highWatermark ?? offset;
      return { topic, partition, committedOffset: offset, endOffset, lag: Math.max(0, endOffset - offset) };
    });
    return { ...group, offsets, lag: offsets.reduce((sum, { lag }) => sum + lag, 0) };
  });
}

import { EdgelogError } from '@edgelog/base';
import type { BrokerRecord } from '@edgelog/cluster';
import type { Address } from '@edgelog/runtime';
import type { SyncServer } from '@edgelog/sync';
import type { Broker } from '../broker.ts';
import { damageStatus } from '../fetch/damage.ts';
import type { KafkaListener } from '../net/listener.ts';
import type { MemoryBudget } from '../net/memory-budget.ts';
import type { Scrub } from '../scrub/scrub.ts';
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
  scrub: Scrub;
  startedAtMs: number;
  now: () => number;
  health: () => { ok: boolean; reasons: string[] };
  /** Who is registered in the cluster; undefined for a standalone broker. */
  metadata?: { brokers(): Iterable<{ readonly id: number; readonly record: BrokerRecord }> } | undefined;
}

/** What GET /status is made of, by name. */
function partsOf(view: HubView) {
  const { broker, endpoint, listener, sync, runs, gaps, requests, scrub, startedAtMs, now } = view;
  const { nodeId, clusterId, responses, store } = broker;
  return {
    role: () => 'hub',
    nodeId: () => nodeId,
    clusterId: () => clusterId,
    uptimeMs: () => now() - startedAtMs,
    brokers: () => broker.cluster.nodes(endpoint),
    controllerId: () => broker.cluster.controllerId,
    topics: () => Array.from(broker.topics.all(), topicStatus),
    groups: () => groupsStatus(broker),
    gateways: gatewaysStatus,
    duplicateGateways: () => sync.status().duplicates,
    runs: () =>
      Array.from(runs.all(), (run) => ({
        gateway: run.gateway,
        producerId: run.producerId,
        logId: run.logId,
        topic: run.topic,
        partition: run.partition,
        firstOffset: run.firstOffset,
        /** By the replica here; undefined where there is none. */
        nextOffset: runs.nextOffset(run),
        openedAtMs: run.openedAtMs,
        topicDeleted: runs.partitionOf(run) === undefined,
      })),
    gaps: () => [...gaps.all()],
    connections: () => {
      const { connections, rejected } = sync.status();
      return {
        kafka: listener.connectionCount,
        kafkaInFlight: listener.inFlight,
        sync: connections,
        rejected,
      };
    },
    memory: () => ({ requestBytes: requests.heldBytes, responseBytes: responses.heldBytes }),
    disk: () => store.stats(),
    scrub: () => scrub.status(),
    damage: () => store.damage().map(damageStatus),
  };

  /** Live sessions here, gateways that have one at another broker, and those that were here before: their last sign of life is the last batch. */
  function gatewaysStatus() {
    const { gateways } = sync.status();
    const live = new Set(gateways.map(({ gateway }) => gateway));
    const absent = new Map<string, number>();
    for (const run of runs.all()) {
      if (live.has(run.gateway)) continue;
      const last = runs.partitionOf(run)?.replica?.producer(run.producerId)?.lastAppendTime ?? run.openedAtMs;
      absent.set(run.gateway, Math.max(last, absent.get(run.gateway) ?? 0));
    }
    const others = Array.from(absent, ([gateway, lastSeenAt]) => {
      const elsewhere = broker.gatewayDirectory?.elsewhere(gateway);
      if (elsewhere === undefined) return { gateway, state: 'absent' as const, lastSeenAt };
      const { instance, brokerId, sinceMs } = elsewhere;
      return { gateway, state: 'elsewhere' as const, lastSeenAt, instance, brokerId, sinceMs };
    });
    return [...gateways, ...others];
  }
}

type Parts = ReturnType<typeof partsOf>;

/**
 * The body of GET /status, or some parts of it. Offsets are the hub's, but for those of runs and gaps, which are their gateway's.
 * It grows with all that there is: who asks often asks for parts, or for /overview. Throws CONFIG_INVALID.
 */
export function hubStatus(view: HubView, only?: readonly string[]) {
  const parts = partsOf(view);
  const unknown = only?.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) {
    const known = Object.keys(parts).join(', ');
    throw new EdgelogError('CONFIG_INVALID', `no such part: ${JSON.stringify(unknown)}; there are ${known}`);
  }
  const names = only ?? Object.keys(parts);
  return Object.fromEntries(names.map((name) => [name, parts[name as keyof Parts]()]));
}

type TopicOf = ReturnType<Broker['topics']['all']> extends Iterable<infer T> ? T : never;

function topicStatus({ name, id, isInternal, partitions }: TopicOf) {
  const offsets = partitions.flatMap(({ index, leadership, replica, highWatermark }) => {
    if (replica === undefined) return [];
    const { leaderId: leader, isr } = leadership;
    return [{ partition: index, startOffset: replica.logStartOffset, endOffset: highWatermark, leader, isr }];
  });
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
      const known = topics.partition(topic, partition);
      // Not known of a partition that has no replica here.
      const endOffset = known?.replica === undefined ? offset : known.highWatermark;
      return { topic, partition, committedOffset: offset, endOffset, lag: Math.max(0, endOffset - offset) };
    });
    return { ...group, offsets, lag: offsets.reduce((sum, { lag }) => sum + lag, 0) };
  });
}

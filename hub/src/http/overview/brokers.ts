import { isUnderReplicated } from '@edgelog/cluster';
import type { Topics } from '../../metadata/topics.ts';
import type { Reported } from './cluster-reports.ts';
import { isOffline } from './health.ts';

/** A broker that is registered now. */
export interface Registered {
  readonly id: number;
  readonly kafka: string;
  readonly rack: string | null;
  readonly draining: boolean;
}

/** Of one broker. */
interface Shares {
  leaders: number;
  replicas: number;
  /** Replicas that lag behind, or whose broker is gone: not in sync. */
  outOfSync: number;
}

/** What the leaderships of all partitions add up to. */
export function partitionCounts(topics: Topics) {
  const byBroker = new Map<number, Shares>();
  const shares = (id: number): Shares => {
    const known = byBroker.get(id) ?? { leaders: 0, replicas: 0, outOfSync: 0 };
    byBroker.set(id, known);
    return known;
  };
  const totals = { partitions: 0, underReplicated: 0, offline: 0 };
  for (const { partitions } of topics.all()) {
    for (const { leadership } of partitions) {
      const { leaderId, replicas, isr } = leadership;
      totals.partitions += 1;
      if (isOffline(leadership)) totals.offline += 1;
      else shares(leaderId).leaders += 1;
      if (isUnderReplicated(leadership)) totals.underReplicated += 1;
      for (const id of replicas) {
        const own = shares(id);
        own.replicas += 1;
        if (!isr.includes(id)) own.outOfSync += 1;
      }
    }
  }
  return { byBroker, totals };
}

/** Registered brokers, and those that only have replicas, in order of their ids. */
export function brokerRows(
  registered: readonly Registered[],
  byBroker: ReadonlyMap<number, Shares>,
  reported: ReadonlyMap<number, Reported>,
  controllerId: number,
) {
  const known = new Map(registered.map((broker) => [broker.id, broker]));
  const ids = [...new Set([...known.keys(), ...byBroker.keys()])].sort((a, b) => a - b);
  return ids.map((id) => {
    const broker = known.get(id);
    const answer = reported.get(id);
    const report = answer !== undefined && 'report' in answer ? answer.report : null;
    return {
      id,
      state:
        broker === undefined ? ('gone' as const) : broker.draining ? ('draining' as const) : ('up' as const),
      kafka: broker?.kafka ?? null,
      rack: broker?.rack ?? null,
      isController: id === controllerId,
      ...(byBroker.get(id) ?? { leaders: 0, replicas: 0, outOfSync: 0 }),
      /** Why nothing more is known of it here. */
      fault: answer !== undefined && 'fault' in answer ? answer.fault : null,
      reasons: report?.reasons ?? [],
      uptimeMs: report?.uptimeMs ?? null,
      connections: report?.connections ?? null,
      memoryBytes: report?.memoryBytes ?? null,
      disk: report?.disk ?? null,
      damagedRanges: report?.damage.matching ?? null,
    };
  });
}

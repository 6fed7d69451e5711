import { check, type KafkaCluster } from '@edgelog/client';
import { isUnderReplicated } from '@edgelog/cluster';
import { apis } from '@edgelog/wire';
import { formatBytes } from '../dev/format.ts';
import { plural, printJson, printTable } from '../table.ts';
import { judge } from './health.ts';
import { type ClusterState, readSizes, readState } from './state.ts';

interface Output {
  readonly json: boolean;
}

/** Brokers with what they lead and hold, and whether all is well; with `check` the exit status says that too. */
export async function describeCluster(
  cluster: KafkaCluster,
  { json, check: isCheck }: Output & { check: boolean },
): Promise<number> {
  const state = await readState(cluster);
  const alive = state.brokers.filter(({ isAlive }) => isAlive).map(({ id }) => id);
  const [minInsync, sizes] = await Promise.all([
    readMinInsync(cluster, state),
    readSizes(cluster, alive, null),
  ]);
  const health = judge(state, minInsync);
  const brokers = state.brokers.map((broker) => {
    const held = state.partitions.filter(({ replicas }) => replicas.includes(broker.id));
    const bytes = sizes.get(broker.id);
    return {
      ...broker,
      isController: broker.id === state.controller,
      leads: held.filter(({ leader }) => leader === broker.id).length,
      replicas: held.length,
      behind: held.filter(({ isr }) => !isr.includes(broker.id)).length,
      bytes: bytes === undefined ? null : [...bytes.values()].reduce((sum, size) => sum + size, 0),
    };
  });
  if (json) {
    const { clusterId, controller, partitions } = state;
    const counts = {
      partitions: partitions.length,
      underReplicated: partitions.filter(isUnderReplicated).length,
      offline: partitions.filter(({ leader }) => leader < 0).length,
    };
    printJson({ clusterId, controller, brokers, ...counts, ...health });
  } else {
    const controller = state.controller < 0 ? 'no controller' : `controller ${state.controller}`;
    const size = `${plural(alive.length, 'broker')}, ${plural(state.partitions.length, 'partition')}`;
    process.stdout.write(`cluster ${state.clusterId}: ${size}, ${controller}\n\n`);
    const rows = brokers.map(
      ({ id, address, rack, isAlive, isController, leads, replicas, behind, bytes }) => [
        id,
        address ?? '-',
        rack ?? '-',
        `${isAlive ? 'alive' : 'away'}${isController ? ', controller' : ''}`,
        leads,
        replicas,
        behind,
        bytes === null ? '-' : formatBytes(bytes),
      ],
    );
    printTable(['BROKER', 'ADDRESS', 'RACK', 'STATE', 'LEADS', 'REPLICAS', 'NOT-IN-SYNC', 'SIZE'], rows);
    const verdict = health.isHealthy ? 'healthy' : `not healthy: ${health.faults.join('; ')}`;
    const notes = health.notes.length === 0 ? '' : ` (${health.notes.join('; ')})`;
    process.stdout.write(`\n${verdict}${notes}\n`);
  }
  return isCheck && !health.isHealthy ? 1 : 0;
}

/** Partitions that lack a leader or a replica in sync, with who is missing. */
export async function describeUnderReplicated(
  cluster: KafkaCluster,
  { json, check: isCheck }: Output & { check: boolean },
): Promise<number> {
  const { partitions } = await readState(cluster);
  const found = partitions
    .filter((one) => one.leader < 0 || isUnderReplicated(one))
    .map((one) => ({ ...one, missing: one.replicas.filter((id) => !one.isr.includes(id)) }));
  if (json) printJson(found);
  else if (found.length > 0) {
    const rows = found.map(({ topic, partition, leader, replicas, isr, missing, offline }) => [
      topic,
      partition,
      leader < 0 ? 'none' : leader,
      replicas.join(','),
      isr.join(',') || '-',
      missing.map((id) => (offline.includes(id) ? `${id} (away)` : String(id))).join(',') || '-',
    ]);
    printTable(['TOPIC', 'PARTITION', 'LEADER', 'REPLICAS', 'ISR', 'NOT-IN-SYNC'], rows);
  }
  return isCheck && found.length > 0 ? 1 : 0;
}

const TOPIC_RESOURCE = 2;
const MIN_INSYNC = 'min.insync.replicas';

async function readMinInsync(
  cluster: KafkaCluster,
  { partitions }: Pick<ClusterState, 'partitions'>,
): Promise<Map<string, number>> {
  const topics = [...new Set(partitions.filter(isUnderReplicated).map(({ topic }) => topic))];
  if (topics.length === 0) return new Map();
  const { results } = await cluster.toAny(apis.describeConfigs, {
    resources: topics.map((resourceName) => ({
      resourceType: TOPIC_RESOURCE,
      resourceName,
      configurationKeys: [MIN_INSYNC],
    })),
  });
  return new Map(
    results.map(({ resourceName, errorCode, errorMessage, configs }) => {
      check(errorCode, `configs of ${resourceName}`, errorMessage);
      return [resourceName, Number(configs.find(({ name }) => name === MIN_INSYNC)?.value ?? 1)];
    }),
  );
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterProcesses } from '../harness/cluster-processes.ts';
import { replicationOf } from '../harness/kafka-node.ts';
import { freePorts } from '../harness/ports.ts';
import type { TestProcess } from '../harness/process.ts';
import { firstAnswer } from './first-answer.ts';
import { formatKafka, startKafka } from './kafka-peer.ts';
import { cpuSeconds } from './usage.ts';

export const CLUSTERS = ['kafka', 'edgelog'] as const;
export type ClusterName = (typeof CLUSTERS)[number];

/** Three brokers that replicate: three copies of each partition, two of which make an acknowledgement. */
export interface BenchCluster {
  readonly name: ClusterName;
  readonly bootstrap: string;
  readonly brokerIds: readonly number[];
  /** All that it needs: processes of its metadata too. */
  pids(): number[];
  kill(brokerId: number): Promise<void>;
  restart(brokerId: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it below a directory; resolves when every broker answers. */
export function startCluster(name: ClusterName, dir: string): Promise<BenchCluster> {
  return name === 'kafka' ? startKafkaCluster(dir) : startEdgelogCluster(dir);
}

export const cpuOf = (cluster: BenchCluster): number =>
  cluster.pids().reduce((sum, pid) => sum + cpuSeconds({ pid }), 0);

/** Private memory and all that is resident, in bytes. */
export function memoryOf(cluster: BenchCluster): { privateBytes: number; residentBytes: number } {
  const sum = (field: string): number =>
    cluster.pids().reduce((total, pid) => total + kibibytesOf(pid, field), 0) * 1024;
  return { privateBytes: sum('RssAnon'), residentBytes: sum('VmRSS') };
}

function kibibytesOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)![1]);
}

async function startEdgelogCluster(parent: string): Promise<BenchCluster> {
  const cluster = await ClusterProcesses.start({ parent, network: false });
  return {
    name: 'edgelog',
    bootstrap: cluster.bootstrap,
    brokerIds: cluster.brokers.map(({ id }) => id),
    pids: () => [
      ...cluster.brokers.filter(({ alive }) => alive).map(({ process: { pid } }) => pid),
      ...cluster.etcd.members.map(({ pid }) => pid),
    ],
    kill: (id) => cluster.broker(id).kill(),
    restart: (id) => cluster.broker(id).start(),
    stop: () => cluster.stop(),
  };
}

/** Nodes that are brokers and controllers, with the settings and JVM flags that Kafka is shipped with. */
async function startKafkaCluster(parent: string): Promise<BenchCluster> {
  const ids = [1, 2, 3];
  const ports = await freePorts(2 * ids.length);
  const kafkaPort = (id: number): number => ports[id - 1]!;
  const controllerPort = (id: number): number => ports[ids.length + id - 1]!;
  const voters = ids.map((id) => `${id}@127.0.0.1:${controllerPort(id)}`).join(',');
  const dirOf = (id: number): string => join(parent, `kafka-${id}`);
  for (const id of ids) {
    await formatKafka({
      dir: dirOf(id),
      ports: { kafka: kafkaPort(id), controller: controllerPort(id) },
      properties: { 'node.id': id, 'controller.quorum.voters': voters, ...replicationOf(ids.length) },
    });
  }
  const nodes = new Map<number, TestProcess>();
  const start = async (id: number): Promise<void> => {
    nodes.set(id, startKafka(dirOf(id)));
    await firstAnswer(kafkaPort(id));
  };
  await Promise.all(ids.map(start));
  return {
    name: 'kafka',
    bootstrap: ids.map((id) => `127.0.0.1:${kafkaPort(id)}`).join(','),
    brokerIds: ids,
    pids: () => [...nodes.values()].filter(({ alive }) => alive).map(({ pid }) => pid),
    kill: async (id) => {
      await nodes.get(id)!.stop('SIGKILL');
    },
    restart: start,
    stop: async () => {
      await Promise.all([...nodes.values()].map((node) => node.stop('SIGKILL')));
    },
  };
}

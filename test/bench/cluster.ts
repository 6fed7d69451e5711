import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Routes } from '../chaos/clients/routes.ts';
import { run } from '../harness/process.ts';
import { type Failover, measureFailover } from './cluster-failover.ts';
import {
  type BenchCluster,
  CLUSTERS,
  type ClusterName,
  cpuOf,
  memoryOf,
  startCluster,
} from './cluster-peers.ts';
import { measureReassignment, type Reassignment } from './cluster-reassignment.ts';
import { LOADS, PARTITIONS } from './hub-work.ts';
import { producerPerformance } from './kafka-tools.ts';
import { type BenchOptions, median, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';
import { loadAverage } from './usage.ts';

const GB = 1e9;
const MIB = 2 ** 20;

/** All figures of one cluster, by the name of the row; what it did more than once has several. */
type Figures = Map<string, number[]>;

/** Three brokers of Edgelog beside three of Kafka, work by work in turns, replication factor 3, two in sync, acks=all. */
export async function benchCluster({ scale, rounds }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const clusters: BenchCluster[] = [];
  try {
    for (const name of CLUSTERS) clusters.push(await startCluster(name, dir));
    const routes = new Map(clusters.map((cluster) => [cluster.name, new Routes(cluster.bootstrap)]));
    const figures = new Map<ClusterName, Figures>(CLUSTERS.map((name) => [name, new Map()]));
    const note = (cluster: BenchCluster, row: string, value: number): void => {
      const mine = figures.get(cluster.name)!;
      mine.set(row, [...(mine.get(row) ?? []), value]);
      process.stderr.write(`${cluster.name}: ${row}: ${value.toFixed(2)}\n`);
    };
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? clusters : clusters.toReversed();
      for (const [index, load] of LOADS.entries())
        for (const cluster of order)
          await produce(cluster, routes.get(cluster.name)!, { load, index, round, scale }, note);
    }
    for (const cluster of clusters) {
      const { privateBytes, residentBytes } = memoryOf(cluster);
      note(cluster, 'private memory, all processes, MiB', privateBytes / MIB);
      note(cluster, 'resident memory, all processes, MiB', residentBytes / MIB);
    }
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? clusters : clusters.toReversed();
      for (const cluster of order)
        noteFailover(
          cluster,
          await measureFailover(cluster, routes.get(cluster.name)!, `failover-${round}`),
          note,
        );
    }
    for (const cluster of clusters)
      noteReassignment(
        cluster,
        await measureReassignment(cluster.bootstrap, routes.get(cluster.name)!, 'one-gb', scale * GB),
        note,
      );
    print(figures);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    rmSync(join(dir), { recursive: true, force: true });
  }
}

type Note = (cluster: BenchCluster, row: string, value: number) => void;

async function produce(
  cluster: BenchCluster,
  routes: Routes,
  work: { load: (typeof LOADS)[number]; index: number; round: number; scale: number },
  note: Note,
): Promise<void> {
  const { load, index, round, scale } = work;
  const topic = `bench-${index}-${round}`;
  await routes.createTopic(topic, PARTITIONS);
  await run('sync', []);
  const records = Math.ceil(load.records * scale);
  const cpuBefore = cpuOf(cluster);
  const { mibPerSecond, p99Ms } = await producerPerformance(cluster.bootstrap, {
    topic,
    records,
    sizeBytes: load.sizeBytes,
    props: load.props,
  });
  note(cluster, `produce ${load.name}, MB/s`, mibPerSecond);
  note(cluster, `produce ${load.name}, p99 ms`, p99Ms);
  note(
    cluster,
    `produce ${load.name}, CPU s per GB`,
    (cpuOf(cluster) - cpuBefore) / ((records * load.sizeBytes) / GB),
  );
}

function noteFailover(cluster: BenchCluster, failover: Failover, note: Note): void {
  note(cluster, 'kill -9 of a leader: not available, s', failover.outageMs / 1_000);
  note(cluster, 'kill -9 of a leader: p99 of 5,000 rec/s for 30 s, ms', failover.produced.p99Ms);
  note(cluster, 'kill -9 of a leader: longest, ms', failover.produced.maxMs);
  note(cluster, 'kill -9 of a leader: in sync again, s', failover.inSyncAgainMs / 1_000);
}

function noteReassignment(cluster: BenchCluster, { seconds, produced }: Reassignment, note: Note): void {
  note(cluster, 'moving 1 GB (times scale), s', seconds);
  note(cluster, 'moving 1 GB: p99 of 5,000 rec/s meanwhile, ms', produced.p99Ms);
}

function print(figures: ReadonlyMap<ClusterName, Figures>): void {
  const rows = [...figures.get('edgelog')!.keys()].map((row) => {
    const [kafka, ours] = CLUSTERS.map((name) => figures.get(name)!.get(row)!) as [number[], number[]];
    const ratio = (index: number): string => (ours[index]! / kafka[index]!).toFixed(2);
    return [
      row,
      median(ours).toFixed(1),
      median(kafka).toFixed(1),
      (median(ours) / median(kafka)).toFixed(2),
      ours.map((_, index) => ratio(index)).join(', '),
    ];
  });
  printTable(
    `Three brokers, load average ${loadAverage()}`,
    ['work', 'edgelog', 'kafka', 'ratio', 'ratio of each round'],
    rows,
  );
}

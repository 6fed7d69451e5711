import { Prng } from '@edgelog/sim';
import { Gate } from '../chaos/clients/gate.ts';
import { RawProducer } from '../chaos/clients/raw-producer.ts';
import type { Routes } from '../chaos/clients/routes.ts';
import { Availability } from '../chaos/history/availability.ts';
import { History } from '../chaos/history/history.ts';
import { sleep, until } from '../harness/wait.ts';
import type { BenchCluster } from './cluster-peers.ts';
import { type Produced, producerPerformance } from './kafka-tools.ts';

const PARTITIONS = 6;
const CALM_MS = 5_000;
const BACK_AFTER_MS = 20_000;
const RECORDS_PER_SECOND = 5_000;
const WAIT_MS = 120_000;

export interface Failover {
  /** How long the partition that had to wait longest could not be written to. */
  readonly outageMs: number;
  /** Of Kafka's producer at a steady rate through it all. */
  readonly produced: Produced;
  /** From the start of its process until the broker was in sync everywhere. */
  readonly inSyncAgainMs: number;
}

/** kill -9 of the broker that leads most, under a steady load; later it is brought back. */
export async function measureFailover(
  cluster: BenchCluster,
  routes: Routes,
  topic: string,
): Promise<Failover> {
  await routes.createTopic(topic, PARTITIONS);
  const nowMs = (): number => performance.now();
  const availability = new Availability(nowMs);
  const history = new History(nowMs);
  const gate = new Gate();
  const probe = { inFlightMax: 1, recordsMax: 1, sizeBytesMax: 100, pauseMs: 20 };
  const onAcknowledged = (partition: string): void => availability.acknowledged(partition);
  const probing = Array.from({ length: PARTITIONS }, (_, index) =>
    new RawProducer(
      { name: `probe/${index}`, topic, index, ...probe, onAcknowledged },
      routes,
      history,
      new Prng(index),
    ).run(gate, () => false),
  );
  const seconds = (2 * CALM_MS + BACK_AFTER_MS) / 1_000;
  const producing = producerPerformance(cluster.bootstrap, {
    topic,
    records: RECORDS_PER_SECOND * seconds,
    sizeBytes: 100,
    recordsPerSecond: RECORDS_PER_SECOND,
    props: ['delivery.timeout.ms=120000'],
  });
  await until('every partition was written to', () => availability.partitions.length === PARTITIONS, WAIT_MS);
  await sleep(CALM_MS);
  await routes.refresh();
  const killed = busiest(cluster, routes, topic);
  const killedAt = nowMs();
  await cluster.kill(killed);
  await sleep(BACK_AFTER_MS);
  const outageMs = availability.longestOutageMs(killedAt);
  const restartedAt = nowMs();
  await cluster.restart(killed);
  await until('the broker is in sync', () => isInSync(routes, topic), WAIT_MS);
  const inSyncAgainMs = nowMs() - restartedAt;
  const produced = await producing;
  gate.close();
  await Promise.all(probing);
  if (history.violations.length > 0) throw new Error(JSON.stringify(history.violations[0]));
  return { outageMs, produced, inSyncAgainMs };
}

function busiest(cluster: BenchCluster, routes: Routes, topic: string): number {
  const led = (id: number): number =>
    indexes().filter((index) => routes.leader(topic, index)?.nodeId === id).length;
  return [...cluster.brokerIds].sort((a, b) => led(b) - led(a))[0]!;
}

async function isInSync(routes: Routes, topic: string): Promise<boolean> {
  await routes.refresh();
  return indexes().every((index) => {
    const state = routes.state(topic, index);
    return state !== undefined && state.isr.length === state.replicas.length;
  });
}

const indexes = (): number[] => Array.from({ length: PARTITIONS }, (_, index) => index);

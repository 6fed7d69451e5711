import { Routes } from '../chaos/clients/routes.ts';
import type { BrokerProcess, ClusterProcesses } from '../harness/cluster-processes.ts';
import { sleep, until } from '../harness/wait.ts';
import { checkRecords, type Sent } from './check-records.ts';
import type { Client } from './clients.ts';
import { linesOf, Member, perform, recordsIn } from './session.ts';

const PARTITIONS = 3;
/** Of each run of a client's producer: as many as fit one batch of those that send all they have as one. */
const COUNT = 3_000;
/** Into the second run of the producer. */
const KILL_AFTER_MS = 700;
const RUNS_AFTER_KILL = 2;
const WAIT_MS = 90_000;
/** After the kill; most clients are done long before. */
const BACK_AFTER_MS = 30_000;

/** What came of it, for people. */
export interface FailedOver {
  readonly version: string;
  readonly records: number;
  /** By the member of the group more than once: what was not committed when its coordinator or its leader died; undefined without a member. */
  readonly readAgain: number | undefined;
  /** A known fault of the client: what it was writing was done only when the killed broker was back. */
  readonly neededItBack: boolean;
}

/**
 * A client's producer writes and a member of a group reads while the broker that leads most of the topic is killed. The producer
 * must not fail, and everything is there once, in order; the member gets all of it. Everything is brought back at the end, and before that
 * for a client that is known to need it.
 */
export async function failover(cluster: ClusterProcesses, client: Client): Promise<FailedOver> {
  const version = linesOf(await perform(client, 'version', {}), 'version')[0]![0]!;
  const topic = `failover-${client.name}`;
  const routes = new Routes(cluster.bootstrap);
  await routes.createTopic(topic, PARTITIONS);
  const killed = leaderOf(cluster, routes, topic);
  const { bootstrap } = cluster.brokers.find((broker) => broker !== killed)!;
  const member =
    client.whenBrokerDies === undefined
      ? new Member(client, 'first', { bootstrap, topic, group: topic })
      : undefined;
  try {
    await until('the member has all partitions', () => isWhole(member), WAIT_MS);
    const sent: Sent[] = [];
    const produce = async (): Promise<void> => {
      const prefix = `${client.name}.${sent.length}`;
      sent.push({ prefix, count: COUNT });
      await perform(client, 'produce', {
        bootstrap,
        topic,
        count: COUNT,
        codec: 'none',
        'key-prefix': prefix,
      });
    };
    await produce();
    let isWriting = true;
    const writing = produce().finally(() => {
      isWriting = false;
    });
    const strike = async (): Promise<boolean> => {
      await sleep(KILL_AFTER_MS);
      await killed.kill();
      if (client.whenBrokerDies === undefined) return false;
      for (const backAt = Date.now() + BACK_AFTER_MS; isWriting && Date.now() < backAt; ) await sleep(100);
      if (!isWriting) return false;
      await killed.start();
      return true;
    };
    const [neededItBack] = await Promise.all([strike(), writing]);
    for (let run = 0; run < RUNS_AFTER_KILL; run++) await produce();
    const records = sent.length * COUNT;
    const isRead = (): boolean =>
      member === undefined || new Set(member.records.map(({ key }) => key)).size >= records;
    await until('the member has read everything', isRead, WAIT_MS);
    checkRecords(
      recordsIn(await perform(client, 'consume', { bootstrap, topic, count: records })),
      sent,
      true,
    );
    return { version, records, readAgain: member && member.records.length - records, neededItBack };
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n${member?.story() ?? ''}`, { cause });
  } finally {
    await member?.process.stop('SIGKILL');
    await bringBack(cluster, routes, topic);
  }
}

const isWhole = (member: Member | undefined): boolean =>
  member === undefined || member.assigned.length === PARTITIONS;

function leaderOf(cluster: ClusterProcesses, routes: Routes, topic: string): BrokerProcess {
  return cluster.broker(routes.leader(topic, 0)!.nodeId);
}

async function bringBack(cluster: ClusterProcesses, routes: Routes, topic: string): Promise<void> {
  for (const broker of cluster.brokers) if (!broker.alive) await broker.start();
  await until(
    'every replica is in sync again',
    async () => {
      await routes.refresh();
      return Array.from({ length: PARTITIONS }, (_, index) => routes.state(topic, index)).every(
        (state) => state !== undefined && state.isr.length === state.replicas.length,
      );
    },
    WAIT_MS,
  );
}

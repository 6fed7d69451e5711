import { join } from 'node:path';
import type { Prng } from '@edgelog/sim';
import type { ClusterProcesses } from '../harness/cluster-processes.ts';
import { consumeEach } from '../harness/kcat.ts';
import { sleep, until } from '../harness/wait.ts';
import { Agents } from './clients/agents.ts';
import { watchEnd } from './clients/end-watcher.ts';
import { Gate } from './clients/gate.ts';
import { JavaClients } from './clients/java.ts';
import { KafkajsMember, runKafkajsProducer } from './clients/kafkajs.ts';
import { RawProducer } from './clients/raw-producer.ts';
import { endOf, RawReader } from './clients/raw-reader.ts';
import type { Routes } from './clients/routes.ts';
import type { Availability } from './history/availability.ts';
import type { History } from './history/history.ts';

export interface WorkloadOptions {
  readonly cluster: ClusterProcesses;
  readonly routes: Routes;
  readonly history: History;
  readonly availability: Availability;
  readonly prng: Prng;
  readonly nowMs: () => number;
  readonly agents: number;
  /** Kafka's own clients too. */
  readonly java: boolean;
}

const ORDERS = 'orders';
const READINGS = 'readings';
export const TOPICS: Readonly<Record<string, number>> = { [ORDERS]: 6, [READINGS]: 3 };
const KAFKAJS_GROUP = 'kafkajs-group';
const JAVA_GROUP = 'java-group';
/** How long after the last fault everybody may take to bring to an end what was begun. */
const DRAIN_MS = 60_000;

/** Every partition of every topic. */
export const everyPartition = (): [topic: string, index: number][] =>
  Object.entries(TOPICS).flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, index): [string, number] => [topic, index]),
  );

/** Clients of all kinds, all of whose doings go into one history. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #gate = new Gate();
  readonly #java: JavaClients | undefined;
  readonly #members: readonly KafkajsMember[];
  readonly #agents: Agents | undefined;
  readonly #producing: Promise<unknown>;
  readonly #following: Promise<unknown>;
  #isFollowing = true;
  #isAbandoned = false;

  /** The topics exist. Resolves when everything runs. */
  static async start(options: WorkloadOptions): Promise<Workload> {
    const { cluster, history } = options;
    const { brokers, network, dir, bootstrap } = cluster;
    const urls = brokers.map(({ reached }) => `ws://127.0.0.1:${reached.sync}`);
    const hubs = Array.from({ length: options.agents }, (_, index) => {
      const first = index % urls.length;
      return [...urls.slice(first), ...urls.slice(0, first)];
    });
    const agents =
      options.agents === 0
        ? undefined
        : await Agents.start({ dir: join(dir, 'agents'), topic: READINGS, hubs }, history);
    if (agents !== undefined) network.attach('agents', agents.process.pid);
    const members = ['kafkajs-member-0', 'kafkajs-member-1'].map(
      (name) => new KafkajsMember({ bootstrap, name, topic: ORDERS, group: KAFKAJS_GROUP }, history),
    );
    await Promise.all(members.map((member) => member.start()));
    const workload = new Workload(options, agents, members);
    await workload.#java?.begun();
    return workload;
  }

  private constructor(
    options: WorkloadOptions,
    agents: Agents | undefined,
    members: readonly KafkajsMember[],
  ) {
    this.#options = options;
    this.#agents = agents;
    this.#members = members;
    const { cluster, history, routes, nowMs } = options;
    const { bootstrap } = cluster;
    agents?.run();
    if (options.java) {
      const logFile = join(cluster.dir, 'java.log');
      const java = { bootstrap, topic: ORDERS, partitions: TOPICS[ORDERS]!, group: JAVA_GROUP, logFile };
      this.#java = new JavaClients(java, history);
      cluster.network.attach('java', this.#java.pid);
    }
    const producers = everyPartition()
      .filter(([topic]) => topic === ORDERS)
      .flatMap(([topic, index]) => [this.#probe(topic, index), this.#bulk(topic, index)]);
    const name = 'kafkajs';
    this.#producing = Promise.all([
      ...producers.map((producer) => producer.run(this.#gate, () => this.#isAbandoned)),
      runKafkajsProducer(
        { bootstrap, name, topic: ORDERS, partitions: TOPICS[ORDERS]! },
        history,
        this.#gate,
      ),
    ]);
    const isWanted = (): boolean => this.#isFollowing;
    this.#following = Promise.all(
      everyPartition().flatMap(([topic, index]) => [
        new RawReader('follower', topic, index, routes, history).run(isWanted),
        watchEnd(topic, index, { routes, history, nowMs, isWanted }),
      ]),
    );
  }

  /** Stops whoever writes, and reads everything once more, by several means. Nothing is broken meanwhile. */
  async finish(): Promise<void> {
    const { history } = this.#options;
    this.#gate.close();
    const drained = (who: string, work: Promise<unknown> | undefined): Promise<unknown> | undefined =>
      work?.catch((error: Error) => history.violation('unavailable', `${who}: ${error.message}`));
    const deadline = setTimeout(() => {
      this.#isAbandoned = true;
      history.violation('unavailable', `producers are not done ${DRAIN_MS / 1000} s after the last fault`);
    }, DRAIN_MS);
    await Promise.all([
      this.#producing.finally(() => clearTimeout(deadline)),
      drained('agents', this.#agents?.drain(DRAIN_MS)),
      drained('java', this.#java?.drain(DRAIN_MS)),
    ]);
    this.#isFollowing = false;
    await this.#following;
    const ends = await this.#ends();
    await Promise.all([...ends].map(([partition, end]) => this.#readAll('last', partition, end)));
    await this.#readWithKcat(ends);
    await drained('groups', this.#groupsAt(ends));
    history.finish(ends);
  }

  /** Ends every client; safe at any time. */
  async stop(): Promise<void> {
    this.#gate.close();
    this.#isAbandoned = true;
    this.#isFollowing = false;
    await Promise.all([
      this.#agents?.stop(),
      this.#java?.stop(),
      ...this.#members.map((member) => member.stop()),
      this.#producing,
      this.#following,
    ]);
  }

  /** One small batch at a time, without pause: tells when the partition can be written to. */
  #probe(topic: string, index: number): RawProducer {
    const { routes, history, availability, prng } = this.#options;
    const onAcknowledged = (partition: string): void => availability.acknowledged(partition);
    const small = { inFlightMax: 1, recordsMax: 1, sizeBytesMax: 50, pauseMs: 20 };
    const name = `probe/${index}`;
    return new RawProducer({ name, topic, index, ...small, onAcknowledged }, routes, history, prng.fork());
  }

  /** Batches of all sizes, several in flight. */
  #bulk(topic: string, index: number): RawProducer {
    const { routes, history, prng } = this.#options;
    const large = { inFlightMax: 5, recordsMax: 20, sizeBytesMax: 2_000, pauseMs: 60 };
    return new RawProducer({ name: `bulk/${index}`, topic, index, ...large }, routes, history, prng.fork());
  }

  async #ends(): Promise<Map<string, number>> {
    const { routes } = this.#options;
    const ends = new Map<string, number>();
    for (const [topic, index] of everyPartition()) {
      const end = await until(`${topic}-${index} says where it ends`, async () => {
        await routes.refresh();
        const connected = await routes.connect(topic, index, () => true);
        if (connected === undefined) return undefined;
        try {
          return (await endOf(connected.connection, connected.leader, topic, index))?.offset;
        } finally {
          connected.connection.close();
        }
      });
      ends.set(`${topic}-${index}`, end);
    }
    return ends;
  }

  async #readAll(name: string, partition: string, end: number): Promise<void> {
    const { routes, history } = this.#options;
    const dash = partition.lastIndexOf('-');
    const [topic, index] = [partition.slice(0, dash), Number(partition.slice(dash + 1))];
    const reader = new RawReader(name, topic, index, routes, history);
    const deadline = Date.now() + DRAIN_MS;
    await reader.run(() => reader.position < end && Date.now() < deadline);
    if (reader.position < end)
      history.violation('unavailable', `cannot read ${partition} beyond ${reader.position} of ${end}`, {
        partition,
        offset: reader.position,
      });
  }

  async #readWithKcat(ends: ReadonlyMap<string, number>): Promise<void> {
    const { cluster, history } = this.#options;
    for (const topic of Object.keys(TOPICS)) {
      const readings = new Map(
        [...ends.keys()].map((name) => [name, history.reading('kcat', name)] as const),
      );
      for await (const { partition, offset, value } of consumeEach(cluster.bootstrap, topic))
        history.read(readings.get(`${topic}-${partition}`)!, offset, value);
      for (const [name, { next }] of readings)
        if (name.startsWith(`${topic}-`) && next !== ends.get(name))
          history.violation('lost', `kcat read up to ${next}, the end is ${ends.get(name)}`, {
            partition: name,
          });
    }
  }

  /** The groups come to the end too. */
  async #groupsAt(ends: ReadonlyMap<string, number>): Promise<void> {
    const { history } = this.#options;
    const groups = [KAFKAJS_GROUP, ...(this.#java === undefined ? [] : [JAVA_GROUP])];
    const left = (): string[] =>
      groups.flatMap((group) =>
        [...ends]
          .filter(([partition]) => partition.startsWith(`${ORDERS}-`))
          .map(([partition, end]) => ({ partition, end, at: history.groupPosition(group, partition) }))
          .filter(({ end, at }) => at < end)
          .map(({ partition, end, at }) => `${group} is at ${at} of ${end} in ${partition}`),
      );
    const deadline = Date.now() + DRAIN_MS;
    while (left().length > 0) {
      if (Date.now() > deadline) throw new Error(left().join('; '));
      await sleep(200);
    }
  }
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaAdmin } from './kafka-admin.ts';
import { ensureArchive, fastJvm } from './kafka-archive.ts';
import { formatNode, type KafkaProperties, replicationOf, runNode } from './kafka-node.ts';
import {
  type KafkaSecurity,
  kafkaSecurity,
  SECURE_LISTENERS,
  type SecureListener,
} from './kafka-security.ts';
import { KafkaTap } from './kafka-tap.ts';
import { Network } from './network.ts';
import { NodeProcess } from './node-process.ts';
import { freePorts } from './ports.ts';
import type { TestProcess } from './process.ts';
import { until } from './wait.ts';

export interface KafkaOptions {
  readonly nodes?: 1 | 3;
  /** Listeners with TLS, mTLS and SASL beside the plain one; see `KafkaProcesses.security` and `KafkaNode.securePort`. */
  readonly security?: boolean;
  /** Further properties of every node. */
  readonly configs?: KafkaProperties;
  /** Puts a network that can be cut between clients, brokers and controllers. */
  readonly network?: boolean;
  /** Puts a tap in front of each node's plain listener that can lose requests and answers. All clients are outside of the network then. */
  readonly tap?: boolean;
  /** Below which the directories are made; default: that of temporary files. */
  readonly parent?: string;
  /** Default: a small heap and a fast start. */
  readonly jvm?: readonly string[];
}

const HEAP = ['-Xmx256m', '-Xms64m'];
const START_MS = 120_000;
/** Of which each is on other ports. */
const ATTEMPTS = 3;

/**
 * Small, and quick to notice that a node is gone. The producers' state is looked through ten times a second, so that tests of its
 * expiry only need `producer.id.expiration.ms`. Records are kept for ever: old ones would be deleted within half a minute.
 */
const SMALL: KafkaProperties = {
  'log.retention.ms': -1,
  'num.network.threads': 2,
  'num.io.threads': 4,
  'num.recovery.threads.per.data.dir': 1,
  'log.cleaner.dedupe.buffer.size': 4 * 2 ** 20,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.num.partitions': 1,
  'share.coordinator.state.topic.num.partitions': 1,
  'group.initial.rebalance.delay.ms': 0,
  'producer.id.expiration.check.interval.ms': 100,
  'broker.heartbeat.interval.ms': 400,
  'controller.quorum.election.timeout.ms': 1_000,
  'controller.quorum.fetch.timeout.ms': 2_000,
  'replica.lag.time.max.ms': 5_000,
  'replica.socket.timeout.ms': 5_000,
  'controlled.shutdown.enable': 'false',
};

/** Until a broker is taken for dead. One that is alone has nobody who could take over, and a loaded machine makes it stand still for long. */
const SESSION_MS = { 1: 30_000, 3: 4_000 };

/** One broker and controller: a real process with its own directory, on ports that it keeps across restarts. `KafkaProcesses.ready` tells when it serves. */
export class KafkaNode extends NodeProcess {
  readonly id: number;
  /** Where clients reach it without TLS and SASL: through tap and network, if they are there. */
  readonly port: number;
  /** Undefined without `tap`. */
  readonly tap: KafkaTap | undefined;
  readonly #securePorts: ReadonlyMap<SecureListener, number>;

  constructor(options: {
    id: number;
    port: number;
    tap: KafkaTap | undefined;
    begin: () => TestProcess;
    network: Network | undefined;
    securePorts: ReadonlyMap<SecureListener, number>;
  }) {
    super(nameOf(options.id), options.begin, options.network);
    this.id = options.id;
    this.port = options.port;
    this.tap = options.tap;
    this.#securePorts = options.securePorts;
  }

  /** Where it listens with TLS or SASL. Only with `security`. */
  securePort(listener: SecureListener): number {
    const port = this.#securePorts.get(listener);
    if (port === undefined) throw new Error('started without security');
    return port;
  }
}

/** Nodes of one Kafka cluster, each broker and controller, as real processes on loopback. */
export class KafkaProcesses {
  /** With a directory for each node, and room for those of tests beside them. Gone when the cluster is stopped. */
  readonly dir: string;
  readonly nodes: readonly KafkaNode[];
  readonly admin: KafkaAdmin;
  readonly #network: Network | undefined;
  readonly #security: KafkaSecurity | undefined;

  constructor(parts: {
    dir: string;
    nodes: readonly KafkaNode[];
    network: Network | undefined;
    security: KafkaSecurity | undefined;
  }) {
    this.dir = parts.dir;
    this.nodes = parts.nodes;
    this.#network = parts.network;
    this.#security = parts.security;
    this.admin = new KafkaAdmin(
      () => new Map(this.nodes.filter(({ alive }) => alive).map(({ id, port }) => [id, port])),
    );
    process.once('exit', this.#killAll);
  }

  /** `HOST:PORT,…` of the plain listeners. */
  get bootstrap(): string {
    return this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  }

  /** `HOST:PORT,…` of listeners with TLS or SASL. */
  secureBootstrap(listener: SecureListener): string {
    return this.nodes.map((node) => `127.0.0.1:${node.securePort(listener)}`).join(',');
  }

  get network(): Network {
    if (this.#network === undefined) throw new Error('started without a network');
    return this.#network;
  }

  get security(): KafkaSecurity {
    if (this.#security === undefined) throw new Error('started without security');
    return this.#security;
  }

  node(id: number): KafkaNode {
    return this.nodes.find((node) => node.id === id)!;
  }

  async leaderOf(topic: string, partition = 0): Promise<KafkaNode> {
    const { leaderId } = await until(`${topic}-${partition} has a leader`, async () => {
      const info = await this.admin.partition(topic, partition);
      return info.leaderId >= 0 && info;
    });
    return this.node(leaderId);
  }

  /** Until every node that is alive serves, and knows of all of them. */
  async ready(): Promise<void> {
    const alive = this.nodes.filter((node) => node.alive);
    await until(
      `nodes ${alive.map(({ id }) => id).join()} of Kafka serve`,
      async () => {
        const dead = alive.find((node) => !node.alive);
        if (dead !== undefined) return true;
        const known = await Promise.all(alive.map(({ port }) => this.admin.brokers(port)));
        return known.every((ids) => alive.every(({ id }) => ids.includes(id)));
      },
      START_MS,
    );
    const dead = alive.find((node) => !node.alive);
    if (dead !== undefined) throw new Error(`${dead.name} ended:\n${dead.output()}`);
  }

  /** Cuts a node off from the other nodes, both ways, and from `outside`, where the clients are, unless told otherwise. */
  isolate(node: KafkaNode, andOutside = true): void {
    const others = this.nodes.filter((other) => other !== node).map(({ name }) => name);
    for (const other of andOutside ? [...others, 'outside'] : others)
      this.network.cutBothWays(node.name, other);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.finish()));
    await Promise.all(this.nodes.map(({ tap }) => tap?.close()));
    await this.#network?.close();
    process.off('exit', this.#killAll);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Whatever this process ends of, it leaves none of them behind. */
  readonly #killAll = (): void => {
    for (const node of this.nodes) if (node.alive) process.kill(node.process.pid, 'SIGKILL');
  };
}

/**
 * Real Kafka from its jars. Resolves when all nodes serve; what fails to start leaves nothing behind and says why. Where somebody took a
 * port in the meantime, others are tried.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaProcesses> {
  if (options.jvm === undefined) await ensureArchive(runOnce);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (attempt === ATTEMPTS || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnce(options: KafkaOptions): Promise<KafkaProcesses> {
  const kafka = await prepareKafka(options);
  try {
    for (const node of kafka.nodes) node.spawn();
    await kafka.ready();
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

async function prepareKafka(options: KafkaOptions): Promise<KafkaProcesses> {
  const { nodes: count = 1, configs = {}, jvm = [...HEAP, ...fastJvm()], parent = tmpdir() } = options;
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const dir = mkdtempSync(join(parent, 'edgelog-kafka-'));
  const network = options.network === true ? new Network() : undefined;
  const security = options.security === true ? kafkaSecurity(dir) : undefined;
  const secure = security === undefined ? {} : SECURE_LISTENERS;
  const names = ['CLIENT', 'INTERNAL', 'CONTROLLER', ...Object.keys(secure)];
  const hop = (id: number, port: number): Promise<number> =>
    network === undefined ? Promise.resolve(port) : network.hopTo(nameOf(id), port);
  const places = await Promise.all(
    ids.map(async (id) => {
      const free = await freePorts(names.length);
      const listening = new Map(names.map((name, index) => [name, free[index]!]));
      const reached = new Map<string, number>();
      for (const [name, port] of listening) reached.set(name, await hop(id, port));
      const tap = options.tap === true ? new KafkaTap(reached.get('CLIENT')!) : undefined;
      if (tap !== undefined) reached.set('CLIENT', await tap.open());
      return { id, listening, reached, tap };
    }),
  );
  const voters = places.map(({ id, reached }) => `${id}@127.0.0.1:${reached.get('CONTROLLER')}`).join();
  const nodes = await Promise.all(
    places.map(async ({ id, listening, reached, tap }) => {
      const nodeDir = join(dir, nameOf(id));
      mkdirSync(nodeDir);
      const properties = {
        'process.roles': 'broker,controller',
        'node.id': id,
        'controller.quorum.voters': voters,
        listeners: addresses(listening),
        'advertised.listeners': addresses(reached),
        'controller.listener.names': 'CONTROLLER',
        'inter.broker.listener.name': 'INTERNAL',
        'listener.security.protocol.map': protocols(secure),
        ...replicationOf(count),
        ...SMALL,
        'broker.session.timeout.ms': SESSION_MS[count],
        ...security?.properties,
        ...configs,
      };
      await formatNode({ dir: nodeDir, properties, scram: security?.scram ?? [], jvm });
      const securePorts = new Map(
        Object.keys(secure).map((name) => [name as SecureListener, reached.get(name)!]),
      );
      const begin = (): TestProcess => runNode(nodeDir, jvm, nameOf(id));
      return new KafkaNode({ id, port: reached.get('CLIENT')!, tap, begin, network, securePorts });
    }),
  );
  return new KafkaProcesses({ dir, nodes, network, security });
}

/** One node for a moment, so that its classes can be kept. */
async function runOnce(parent: string, jvm: readonly string[]): Promise<void> {
  const kafka = await prepareKafka({ parent, jvm });
  try {
    kafka.nodes[0]!.spawn();
    await kafka.ready();
    await kafka.nodes[0]!.stop();
  } finally {
    await kafka.stop();
  }
}

const addresses = (ports: ReadonlyMap<string, number>): string =>
  [...ports].map(([name, port]) => `${name}://127.0.0.1:${port}`).join();

const protocols = (secure: Readonly<Record<string, string>>): string =>
  Object.entries({ CLIENT: 'PLAINTEXT', INTERNAL: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...secure })
    .map(([name, protocol]) => `${name}:${protocol}`)
    .join();

const nameOf = (id: number): string => `kafka-${id}`;

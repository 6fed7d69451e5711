import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster, type TestMember } from '../../packages/etcd/src/testing/cluster.ts';
import { Network } from './network.ts';
import { NodeProcess } from './node-process.ts';
import { freePorts } from './ports.ts';
import { edgelog } from './process.ts';
import { mountSmallDisk, unmount } from './small-disk.ts';
import { until } from './wait.ts';

export interface ClusterOptions {
  readonly brokers?: number;
  readonly etcdMembers?: number;
  /** Further flags of every broker. */
  readonly hubArgs?: readonly string[];
  /** Below which the directories are made; default: that of temporary files. */
  readonly parent?: string;
  /** Through a network that can be cut (default), or as directly as can be, for measuring. */
  readonly network?: boolean;
  /** MiB: the data of the last broker is on a disk of its own of this size, where this process may mount one. */
  readonly smallDiskMiB?: number;
}

const PREFIX = '/test';
const READY_MS = 120_000;

/** One broker: a real process with its own data directory, on ports that it keeps across restarts. */
export class BrokerProcess extends NodeProcess {
  readonly id: number;
  readonly dataDir: string;
  /** Where it listens. */
  readonly ports: { readonly kafka: number; readonly sync: number; readonly http: number };
  /** Where others reach it: through the network, if there is one. */
  readonly reached: { readonly kafka: number; readonly sync: number; readonly http: number };

  constructor(options: {
    id: number;
    dataDir: string;
    ports: BrokerProcess['ports'];
    reached: BrokerProcess['reached'];
    args: readonly string[];
    network: Network | undefined;
  }) {
    const { id, dataDir, ports, reached, network } = options;
    const args = [
      'hub',
      ...['--broker-id', String(id)],
      ...['--data-dir', dataDir],
      ...['--kafka', local(ports.kafka)],
      ...['--advertise', local(reached.kafka)],
      ...['--sync', local(ports.sync)],
      ...['--http', local(ports.http)],
      ...options.args,
    ];
    super(nameOfBroker(id), () => edgelog(args), network);
    this.id = id;
    this.dataDir = dataDir;
    this.ports = ports;
    this.reached = reached;
  }

  get bootstrap(): string {
    return local(this.reached.kafka);
  }

  async start(): Promise<void> {
    this.spawn();
    await this.process.ready(READY_MS);
  }

  /** A dead broker's disk is lost, and replaced by an empty one. */
  wipe(): void {
    for (const name of readdirSync(this.dataDir))
      rmSync(join(this.dataDir, name), { recursive: true, force: true });
  }

  async status<T>(): Promise<T> {
    const response = await fetch(`http://${local(this.ports.http)}/status`, {
      signal: AbortSignal.timeout(5_000),
    });
    return (await response.json()) as T;
  }
}

/** Brokers and the members of their etcd as real processes on loopback, every connection between them through a network. */
export class ClusterProcesses {
  readonly dir: string;
  readonly etcd: TestCluster;
  readonly brokers: readonly BrokerProcess[];
  readonly #network: Network | undefined;
  readonly #mounted: readonly string[];

  /** Resolves when every broker is ready. What fails to start leaves nothing behind and says why. */
  static async start(options: ClusterOptions = {}): Promise<ClusterProcesses> {
    const cluster = await ClusterProcesses.prepare(options);
    try {
      await Promise.all(cluster.brokers.map((broker) => broker.start()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The same with etcd running, and the brokers for the caller to start. */
  static async prepare(options: ClusterOptions = {}): Promise<ClusterProcesses> {
    const { brokers: count = 3, etcdMembers = 3, hubArgs = [], smallDiskMiB } = options;
    const dir = mkdtempSync(join(options.parent ?? tmpdir(), 'edgelog-cluster-'));
    const network = options.network === false ? undefined : new Network();
    const hop = (node: string, port: number): Promise<number> =>
      network === undefined ? Promise.resolve(port) : network.hopTo(node, port);
    const etcd = await TestCluster.start({
      members: etcdMembers,
      peerPort: (member, port) => hop(member, port),
    });
    const etcdPorts = await Promise.all(
      etcd.members.map(({ name, endpoint }) => hop(name, Number(new URL(endpoint).port))),
    );
    for (const member of etcd.members) network?.attach(member.name, member.pid);
    const urls = etcdPorts.map((port) => `http://${local(port)}`).join(',');
    const ports = await freePorts(3 * count);
    const mounted: string[] = [];
    const brokers: BrokerProcess[] = [];
    for (let id = 1; id <= count; id++) {
      const [kafka, sync, http] = ports.splice(0, 3) as [number, number, number];
      const name = nameOfBroker(id);
      const reached = { kafka: await hop(name, kafka), sync: await hop(name, sync), http };
      const disk = join(dir, `disk-${id}`);
      mkdirSync(disk);
      if (smallDiskMiB !== undefined && id === count && mountSmallDisk(disk, smallDiskMiB))
        mounted.push(disk);
      const dataDir = join(disk, 'data');
      mkdirSync(dataDir);
      const args = ['--etcd', urls, '--etcd-prefix', PREFIX, ...hubArgs];
      brokers.push(new BrokerProcess({ id, dataDir, ports: { kafka, sync, http }, reached, args, network }));
    }
    return new ClusterProcesses({ dir, etcd, brokers, network, mounted });
  }

  private constructor(parts: {
    dir: string;
    etcd: TestCluster;
    brokers: readonly BrokerProcess[];
    network: Network | undefined;
    mounted: readonly string[];
  }) {
    this.dir = parts.dir;
    this.etcd = parts.etcd;
    this.brokers = parts.brokers;
    this.#network = parts.network;
    this.#mounted = parts.mounted;
    process.once('exit', this.#killAll);
  }

  /** Whatever this process ends of, it leaves none of them behind. */
  readonly #killAll = (): void => {
    const pids = [
      ...this.brokers.filter(({ alive }) => alive).map(({ process: { pid } }) => pid),
      ...this.etcd.members.filter(({ running }) => running).map(({ pid }) => pid),
    ];
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  };

  get network(): Network {
    if (this.#network === undefined) throw new Error('the cluster runs without a network that can be cut');
    return this.#network;
  }

  /** The broker whose disk is small, if there is one, and the disk. */
  get smallDisk(): { broker: BrokerProcess; dir: string } | undefined {
    const [dir] = this.#mounted;
    return dir === undefined ? undefined : { broker: this.brokers.at(-1)!, dir };
  }

  get bootstrap(): string {
    return this.brokers.map(({ bootstrap }) => bootstrap).join(',');
  }

  broker(id: number): BrokerProcess {
    return this.brokers.find((broker) => broker.id === id)!;
  }

  /** Cuts a node off from some others, or from all of them and from everybody outside, both ways. */
  isolate(node: string, others: readonly string[] = [...this.#nodes(), 'outside']): void {
    for (const other of others) if (other !== node) this.network.cutBothWays(node, other);
  }

  /** Brings a member of etcd back that was killed. */
  async restartMember(member: TestMember): Promise<void> {
    member.start();
    this.#network?.attach(member.name, member.pid);
  }

  /** Writes what every process said into a folder. */
  writeLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const broker of this.brokers) writeFileSync(join(folder, `${broker.name}.log`), broker.output());
    for (const member of this.etcd.members)
      writeFileSync(join(folder, `etcd-${member.name}.log`), member.log());
  }

  /** Ends everything. `keep` leaves the brokers' directories, but for those on disks of their own. */
  async stop(keep = false): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.finish()));
    await this.etcd.stop();
    await this.#network?.close();
    for (const disk of this.#mounted) unmount(disk);
    process.off('exit', this.#killAll);
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }

  /** Until the processes of all brokers are there and ready. */
  async allReady(): Promise<void> {
    await until('all brokers are healthy', async () => {
      const answers = await Promise.all(
        this.brokers.map(({ ports }) => fetch(`http://${local(ports.http)}/healthz`)),
      );
      return answers.every(({ ok }) => ok);
    });
  }

  #nodes(): string[] {
    return [...this.brokers.map(({ name }) => name), ...this.etcd.members.map(({ name }) => name)];
  }
}

const local = (port: number): string => `127.0.0.1:${port}`;
const nameOfBroker = (id: number): string => `broker-${id}`;

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts, until } from '@edgelog/sim';
import { EtcdClient, type EtcdOptions } from '../client.ts';
import { etcdEnvironment } from '../program.ts';
import { etcdProgram, etcdVersion } from './program.ts';

export interface TestClusterOptions {
  readonly members?: number;
  /** Further flags of every member. */
  readonly flags?: readonly string[];
  /** PEM files: the members then serve clients over TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  /** Gives the port at which the other members reach the member's port: that of a relay. Default: the port itself. */
  readonly peerPort?: (member: string, port: number) => Promise<number>;
  /** Whether writes wait for the disk, which only matters where time is measured: what a killed process wrote is there without. */
  readonly waitsForDisk?: boolean;
}

/** Long enough for machines with more work than cores; lease TTLs are at least 1.5 times the second. */
const HEARTBEAT_MS = 100;
const ELECTION_MS = 1_500;
const READY_MS = 120_000;

/** One member: a real etcd process with its own data directory, on ports that it keeps across restarts. */
export class TestMember {
  readonly name: string;
  readonly endpoint: string;
  readonly #args: readonly string[];
  readonly #dataDir: string;
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  constructor(name: string, endpoint: string, dataDir: string, args: readonly string[]) {
    this.name = name;
    this.endpoint = endpoint;
    this.#args = ['--data-dir', dataDir, ...args];
    this.#dataDir = dataDir;
    this.#logFile = `${dataDir}.log`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  start(): void {
    const log = openSync(this.#logFile, 'a');
    this.#child = spawn(etcdProgram(), this.#args, { stdio: ['ignore', log, log], env: etcdEnvironment() });
    closeSync(log);
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** kill -9; the data directory stays. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child!, 'exit');
    this.#child!.kill('SIGKILL');
    await exited;
  }

  /** SIGSTOP: connections stay open and nobody answers. Resolves when every thread stands still. */
  async pause(): Promise<void> {
    const threads = `/proc/${this.#child!.pid}/task`;
    this.#child!.kill('SIGSTOP');
    await until(() => readdirSync(threads).every((id) => isStopped(join(threads, id, 'stat'))), 'it stopped');
  }

  resume(): void {
    this.#child!.kill('SIGCONT');
  }

  /** A copy of a dead member's data directory, to be put back later. */
  backUp(): { restore(): void } {
    const copy = `${this.#dataDir}.backup`;
    cpSync(this.#dataDir, copy, { recursive: true });
    return {
      restore: () => {
        rmSync(this.#dataDir, { recursive: true });
        renameSync(copy, this.#dataDir);
      },
    };
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }
}

/** Members on loopback, to be killed, stopped and brought back. */
export class TestCluster {
  readonly members: readonly TestMember[];
  readonly endpoints: readonly string[];
  readonly #dir: string;
  readonly #ca: Buffer | undefined;
  readonly #clients: EtcdClient[] = [];

  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const count = options.members ?? 3;
    const ports = await freePorts(2 * count);
    const hop = options.peerPort ?? (async (_, port) => port);
    const peerPorts = await Promise.all(ports.slice(count).map((port, index) => hop(`m${index}`, port)));
    const cluster = new TestCluster(options, ports, peerPorts);
    for (const member of cluster.members) member.start();
    try {
      await cluster.ready();
    } catch (cause) {
      const logs = cluster.members.map((member) => member.log().slice(-2_000)).join('\n');
      await cluster.stop();
      throw new Error(`etcd did not start:\n${logs}`, { cause });
    }
    return cluster;
  }

  private constructor(
    { flags = [], tls, waitsForDisk = false }: TestClusterOptions,
    ports: readonly number[],
    peerPorts: readonly number[],
  ) {
    this.#dir = mkdtempSync(join(tmpdir(), 'edgelog-etcd-'));
    this.#ca = tls && readFileSync(tls.caFile);
    const count = ports.length / 2;
    const names = Array.from({ length: count }, (_, index) => `m${index}`);
    const peerUrls = peerPorts.map((port) => `http://127.0.0.1:${port}`);
    this.endpoints = names.map((_, index) => `${tls ? 'https' : 'http'}://127.0.0.1:${ports[index]}`);
    const disk = waitsForDisk || !knowsNoFsync() ? [] : ['--unsafe-no-fsync'];
    this.members = names.map((name, index) => {
      const endpoint = this.endpoints[index]!;
      const args = Object.entries({
        name,
        'listen-client-urls': endpoint,
        'advertise-client-urls': endpoint,
        'listen-peer-urls': `http://127.0.0.1:${ports[count + index]}`,
        'initial-advertise-peer-urls': peerUrls[index]!,
        'initial-cluster': names.map((each, at) => `${each}=${peerUrls[at]}`).join(','),
        'initial-cluster-token': this.#dir,
        'heartbeat-interval': String(HEARTBEAT_MS),
        'election-timeout': String(ELECTION_MS),
        logger: 'zap',
        'log-level': 'error',
        ...(tls && { 'cert-file': tls.certFile, 'key-file': tls.keyFile }),
      }).flatMap(([flag, value]) => [`--${flag}`, value]);
      return new TestMember(name, endpoint, join(this.#dir, name), [...args, ...disk, ...flags]);
    });
  }

  /** A client with patience, closed by `stop`. */
  client(options: Partial<EtcdOptions> = {}): EtcdClient {
    const client = new EtcdClient({
      endpoints: this.endpoints,
      ...(this.#ca && { tls: { ca: this.#ca } }),
      ...options,
      tuning: { timeoutMs: 30_000, ...options.tuning },
    });
    this.#clients.push(client);
    return client;
  }

  /** Until every running member knows a leader. */
  async ready(): Promise<void> {
    const running = this.members.filter((member) => member.running).map((member) => member.endpoint);
    const client = this.client({ endpoints: running });
    await this.#untilStatus(client, 'the members of etcd have a leader', (accounts) =>
      accounts.every((one) => 'leaderId' in one && one.leaderId !== undefined),
    );
  }

  async leader(): Promise<TestMember> {
    let endpoint: string | undefined;
    await this.#untilStatus(this.client(), 'etcd has a leader', (accounts) => {
      endpoint = accounts.find((one) => 'isLeader' in one && one.isLeader)?.endpoint;
      return endpoint !== undefined;
    });
    return this.members.find((member) => member.endpoint === endpoint)!;
  }

  /** Brings back whoever is dead or stopped. */
  async heal(): Promise<void> {
    for (const member of this.members) {
      if (member.running) member.resume();
      else member.start();
    }
    await this.ready();
  }

  async #untilStatus(
    client: EtcdClient,
    what: string,
    condition: (accounts: Awaited<ReturnType<EtcdClient['status']>>) => boolean,
  ): Promise<void> {
    const asked = async (): Promise<boolean> => {
      if (condition(await client.status({ timeoutMs: 1_000 }))) return true;
      await delay(50);
      return false;
    };
    await until(asked, what, READY_MS);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.members.map((member) => member.kill()));
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Since 3.4, where it is not in the help yet. */
function knowsNoFsync(): boolean {
  const [major, minor] = etcdVersion();
  return major > 3 || minor >= 4;
}

/** A thread that has ended meanwhile is looked at again with the next list. */
function isStopped(statFile: string): boolean {
  try {
    return /\) T /.test(readFileSync(statFile, 'utf8'));
  } catch {
    return false;
  }
}

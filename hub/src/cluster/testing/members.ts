import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestCluster } from '@edgelog/etcd/testing/cluster.ts';
import { type LogStore, openLogStore } from '@edgelog/log';
import { createLogger } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import { topicConfigDefinitions } from '../../metadata/topic-config.ts';
import { Topics } from '../../metadata/topics.ts';
import { Partition } from '../../partition/partition.ts';
import type { Replication } from '../../partition/replication.ts';
import { type HubSettings, hubSettings } from '../../settings.ts';
import { type ClusterHandle, openCluster } from '../index.ts';
import type { Changed, TopicEntry } from '../mirror/entries.ts';

/** No stall of a loaded machine ends it. */
const SESSION_MS = 60_000;
/** For tests of its end: the least that the election time-out of etcd's members allows. */
export const SHORT_SESSION = { brokerSessionMs: 3_000 };
/** Nobody but a test moves a leader, unless it asks for less. */
const PREFERRED_DELAY_MS = 3_600_000;

/** One broker's part in a cluster, with a store and a listener, and nothing that replicates. */
export class TestMember {
  readonly brokerId: number;
  readonly logged: string[] = [];
  readonly topics: Topics;
  readonly dir: string;
  readonly #options: MemberOptions;
  readonly #sockets = new Set<Socket>();
  store!: LogStore;
  handle!: ClusterHandle;
  #listener: Server | undefined;

  constructor(brokerId: number, options: MemberOptions) {
    this.brokerId = brokerId;
    this.#options = options;
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'edgelog-member-'));
    this.topics = new Topics(topicConfigDefinitions(1_048_588, 2 ** 28));
  }

  async open(signal?: AbortSignal): Promise<this> {
    const { etcd, prefix, settings } = this.#options;
    this.store = await openLogStore({ dir: this.dir });
    const write = (line: string): void => void this.logged.push(line);
    const opening = openCluster({
      settings: hubSettings.parse({
        dataDir: this.dir,
        etcd,
        etcdPrefix: prefix,
        brokerId: this.brokerId,
        brokerSessionMs: SESSION_MS,
        ...settings,
      }),
      store: this.store,
      topics: this.topics,
      now: Date.now,
      preferredDelayMs: this.#options.preferredDelayMs ?? PREFERRED_DELAY_MS,
      log: createLogger({ component: `broker ${this.brokerId}`, level: 'debug', write }),
      ...(signal && { signal }),
    });
    this.handle = await opening.catch(async (error: unknown) => {
      await this.store.close();
      throw error;
    });
    for (const after of this.handle.mirror.metadata.topics()) this.#take({ before: undefined, after });
    this.handle.mirror.onChange(({ topics }) => {
      for (const change of topics) this.#take(change);
    });
    return this;
  }

  async start(): Promise<this> {
    await this.open();
    await this.register();
    return this;
  }

  async register(): Promise<void> {
    const kafka = await this.#listen();
    await this.handle.register({ kafka, sync: 'localhost:1', http: 'localhost:2' });
  }

  /** Resolves when so many others have a connection here whose end will tell them of a death. */
  async watchedBy(others: number): Promise<void> {
    await eventually(() => this.#sockets.size >= others, `broker ${this.brokerId} is watched`);
    // They live in this process, and hear that they are connected in the turn of the loop after this end does, at the latest.
    await delay(1);
    await delay(1);
  }

  /** As `kill -9` does: connections break, nothing is said to etcd. */
  kill(): void {
    this.#closeListener();
    this.handle.mirror.stop();
    this.handle.etcd.close();
  }

  has(text: string): boolean {
    return this.logged.some((line) => line.includes(text));
  }

  /** Says nothing to etcd first, unless it does so by itself in `stop`. */
  async close(): Promise<void> {
    this.#closeListener();
    await this.handle?.stop();
    await this.store?.close();
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #listen(): Promise<string> {
    const listener = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
    this.#listener = listener;
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(listener.address() as { port: number }).port}`;
  }

  #closeListener(): void {
    this.#listener?.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #take({ before, after }: Changed<TopicEntry>): void {
    if (before !== undefined && before.record.id !== after?.record.id) this.topics.remove(before.name);
    if (after === undefined) return;
    const { name, record } = after;
    const known = this.topics.get(name);
    const added = partitions(name, known?.partitions.length ?? 0, record.partitions);
    if (known === undefined) this.topics.add({ name, ...record }, added);
    else {
      this.topics.extend(name, added);
      this.topics.configure(name, record.configs);
    }
  }
}

export interface MemberOptions {
  readonly etcd: readonly string[];
  readonly prefix: string;
  readonly settings?: Partial<HubSettings>;
  readonly preferredDelayMs?: number;
  /** Of an earlier member. */
  readonly dir?: string;
}

/** Members of a cluster under a prefix of its own in an etcd that others use too. */
export class TestMembers {
  static #prefixes = 0;
  readonly #etcd: TestCluster;
  readonly #members: TestMember[] = [];
  prefix = '';

  constructor(etcd: TestCluster) {
    this.#etcd = etcd;
    this.next();
  }

  /** Begins another cluster. */
  next(): void {
    this.prefix = `/test-${TestMembers.#prefixes++}`;
  }

  member(brokerId: number, options: Partial<MemberOptions> = {}): TestMember {
    const given = { etcd: this.#etcd.endpoints, prefix: this.prefix, ...options };
    const member = new TestMember(brokerId, given);
    this.#members.push(member);
    return member;
  }

  async start(...brokerIds: number[]): Promise<TestMember[]> {
    return this.startWith({}, ...brokerIds);
  }

  /** Resolves when they know each other. */
  async startWith(options: Partial<MemberOptions>, ...brokerIds: number[]): Promise<TestMember[]> {
    const started = await Promise.all(brokerIds.map((id) => this.member(id, options).start()));
    const knowsAll = ({ handle }: TestMember): boolean =>
      brokerIds.every((id) => handle.mirror.metadata.broker(id) !== undefined);
    await eventually(() => started.every(knowsAll), 'the brokers know each other');
    return started;
  }

  async closeAll(): Promise<void> {
    const members = this.#members.splice(0);
    await Promise.all(members.map((member) => member.close()));
    for (const member of members) member.dispose();
  }
}

/** Generous: machines may have more work than cores. */
export const eventually = (condition: () => boolean | Promise<boolean>, what: string): Promise<void> =>
  until(condition, what);

function partitions(name: string, from: number, to: number): Partition[] {
  return Array.from({ length: to - from }, (_, i) => new Partition(name, from + i, undefined, NOBODY));
}

/** Of partitions that nobody here asks for more than their number. */
const NOBODY: Replication = {
  leadership: {
    leaderId: -1,
    leaderEpoch: 0,
    replicas: [],
    isr: [],
    elr: [],
    adding: [],
    removing: [],
  },
  leaderRefusal: 'NOT_LEADER_OR_FOLLOWER',
  readRefusal: 'NOT_LEADER_OR_FOLLOWER',
  commitRefusal: 'NOT_LEADER_OR_FOLLOWER',
  highWatermark: 0,
  isHighWatermarkKnown: false,
  committed: async () => 'NOT_LEADER_OR_FOLLOWER',
  onFlushed: () => {},
};

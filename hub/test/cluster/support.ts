import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@edgelog/client';
import { TestCluster as TestEtcd, type TestMember } from '@edgelog/etcd/testing/cluster.ts';
import { until } from '@edgelog/sim';
import { type Api, apis, ErrorCode, errorName, type RequestInput, type ResponseOutput } from '@edgelog/wire';
import type { HubSettings } from '../../src/index.ts';
import { batchOf } from '../support/batches.ts';
import { TestHub } from '../support/test-hub.ts';

export type { TestMember };

const EARLIEST = -2;
/** No stall of a loaded machine, on which all brokers share a process, costs a registration or a place among those in sync. */
const STALL_MS = 60_000;

/** Hubs of one cluster in this process, and the etcd that they share. */
export class TestBrokers {
  readonly etcd: TestEtcd;
  readonly hubs = new Map<number, TestHub>();
  readonly #settings: Partial<HubSettings>;
  readonly #running = new Set<number>();
  readonly #connections = new Map<number, Promise<Connection>>();

  static async start(count: number, settings: Partial<HubSettings> = {}): Promise<TestBrokers> {
    const brokers = new TestBrokers(await TestEtcd.start({ members: 1 }), settings);
    await Promise.all(Array.from({ length: count }, (_, i) => brokers.add(i + 1)));
    return brokers;
  }

  private constructor(etcd: TestEtcd, settings: Partial<HubSettings>) {
    this.etcd = etcd;
    this.#settings = settings;
  }

  async add(id: number, settings: Partial<HubSettings> = {}): Promise<void> {
    const hub = this.hubs.get(id) ?? new TestHub();
    this.hubs.set(id, hub);
    await hub.start({
      brokerId: id,
      rack: `rack-${id}`,
      etcd: [...this.etcd.endpoints],
      brokerSessionMs: STALL_MS,
      replicaLagMs: STALL_MS,
      ...this.#settings,
      ...settings,
    });
    this.#running.add(id);
    await this.#untilAllKnow((known) => [...this.#running].every((one) => known.has(one)));
  }

  /** One that runs. */
  get any(): number {
    const [id] = this.#running;
    return id!;
  }

  /** Leaves in order; its directory stays. */
  async stop(id: number): Promise<void> {
    this.#connections.delete(id);
    this.#running.delete(id);
    await this.hubs.get(id)!.hub.stop();
    await this.#untilAllKnow((known) => !known.has(id));
  }

  /** Each broker that runs, as far as it can be asked, hears of others' coming and going when it does. */
  async #untilAllKnow(condition: (alive: ReadonlySet<number>) => boolean): Promise<void> {
    const holdsAt = async (id: number): Promise<boolean> => {
      const body = { topics: [], allowAutoTopicCreation: false };
      const answer = await this.call(id, apis.metadata, body).catch(() => undefined);
      return answer === undefined || condition(new Set(answer.brokers.map(({ nodeId }) => nodeId)));
    };
    await until(async () => {
      const all = await Promise.all(Array.from(this.#running, holdsAt));
      return all.every(Boolean);
    }, 'the brokers know who is there');
  }

  /** The broker, which is stopped, loses its disk. */
  wipe(id: number): void {
    const { dir } = this.hubs.get(id)!;
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  }

  /** Changes a byte wherever the text lies in the files of a broker that is stopped; returns how often. */
  spoil(id: number, text: string): number {
    const { dir } = this.hubs.get(id)!;
    let count = 0;
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      const path = join(dir, name);
      if (!statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      const found = bytes.indexOf(text);
      if (found < 0) continue;
      for (let at = found; at >= 0; at = bytes.indexOf(text, at + 1)) {
        bytes[at]! ^= 1;
        count += 1;
      }
      writeFileSync(path, bytes);
    }
    return count;
  }

  async call<A extends Api>(id: number, api: A, body: RequestInput<A>): Promise<ResponseOutput<A>> {
    const [host, port] = this.hubs.get(id)!.bootstrap.split(':');
    let connection = await this.#connections.get(id);
    if (!connection?.isOpen) {
      const opened = Connection.open(
        { host: host!, port: Number(port) },
        { clientId: 'test', timeoutMs: 30_000 },
      );
      this.#connections.set(id, opened);
      connection = await opened;
    }
    return connection.request(api, body);
  }

  async createTopic(
    name: string,
    assignment: readonly (readonly number[])[],
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { topics } = await this.call(this.any, apis.createTopics, {
      timeoutMs: 30_000,
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: assignment.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds: [...brokerIds],
          })),
          configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    const [{ errorCode, errorMessage }] = topics as [(typeof topics)[number]];
    if (errorCode !== ErrorCode.NONE) throw new Error(`${name}: ${errorName(errorCode)} ${errorMessage}`);
  }

  /** What broker `via` says of a partition. */
  async partition(topic: string, index = 0, via?: number) {
    const { topics } = await this.call(via ?? this.any, apis.metadata, {
      topics: [{ name: topic }],
      allowAutoTopicCreation: false,
    });
    return topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === index);
  }

  async untilLed(topic: string, index = 0, by?: number): Promise<number> {
    let leader = -1;
    await until(
      async () => {
        leader = (await this.partition(topic, index))?.leaderId ?? -1;
        return (by === undefined ? leader >= 0 : leader === by) && (await this.#leads(leader, topic, index));
      },
      `${topic}-${index} has leader ${by ?? ''}`,
    );
    return leader;
  }

  /** Whether it knows so itself. */
  async #leads(id: number, topic: string, index: number): Promise<boolean> {
    if (!this.#running.has(id)) return false;
    const { topics } = await this.call(id, apis.listOffsets, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: index, timestamp: EARLIEST }] }],
    });
    return topics[0]?.partitions[0]?.errorCode === ErrorCode.NONE;
  }

  async untilInSync(topic: string, isr: readonly number[], index = 0): Promise<void> {
    await until(
      async () => [...((await this.partition(topic, index))?.isrNodes ?? [])].sort().join() === isr.join(),
      `${topic}-${index} has ISR ${isr}`,
    );
  }

  /** One batch; returns its base offset or throws the error's name. */
  async produce(
    id: number,
    topic: string,
    values: readonly string[],
    {
      acks = -1,
      index = 0,
      ...batch
    }: { acks?: number; index?: number } & Parameters<typeof batchOf>[1] = {},
  ): Promise<number> {
    const topicId = await this.topicId(topic);
    const { responses } = await this.call(id, apis.produce, {
      acks,
      timeoutMs: STALL_MS,
      topicData: [{ topicId, name: topic, partitionData: [{ index, records: batchOf(values, batch) }] }],
    });
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
    if (errorCode !== ErrorCode.NONE) throw new Error(errorName(errorCode));
    return baseOffset;
  }

  async topicId(topic: string): Promise<string> {
    const { topics } = await this.call(this.any, apis.metadata, {
      topics: [{ name: topic }],
      allowAutoTopicCreation: false,
    });
    return topics[0]!.topicId;
  }

  /** What a consumer in `rack` is given by broker `id`. */
  async fetch(id: number, topic: string, offset: number, { index = 0, rack = '', maxWaitMs = 0 } = {}) {
    const { responses } = await this.call(id, apis.fetch, {
      maxWaitMs,
      minBytes: 1,
      rackId: rack,
      topics: [
        {
          topicId: await this.topicId(topic),
          partitions: [{ partition: index, fetchOffset: offset, partitionMaxBytes: 2 ** 20 }],
        },
      ],
    });
    return responses[0]!.partitions[0]!;
  }

  async close(): Promise<void> {
    for (const connection of await Promise.allSettled(this.#connections.values()))
      if (connection.status === 'fulfilled') connection.value.close();
    await Promise.all(Array.from(this.hubs.values(), (hub) => hub.close()));
    await this.etcd.stop();
  }
}

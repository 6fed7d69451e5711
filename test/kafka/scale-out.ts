import { type AgentStore, agentStore, Prng, silent } from '@edgelog/sim';
import { startUplink, type Uplink } from '@edgelog/sync';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog, type TestProcess } from '../harness/process.ts';
import { sleep, until } from '../harness/wait.ts';
import { checkDelivered, storedBatches } from './delivered.ts';
import { RawPartition } from './raw-partition.ts';

export interface ScaleOutOptions {
  readonly kafka: KafkaProcesses;
  readonly topic: string;
  readonly partitions: number;
  readonly syncGateways: number;
  readonly agents: number;
  /** Of each agent; a batch each time, of one to three records. */
  readonly batchEveryMs: number;
  readonly killEveryMs: number;
  readonly kills: number;
  /** Which one dies, and when. */
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

export interface ScaleOutReport {
  readonly records: number;
  /** From the last kill until everything was acknowledged. */
  readonly drainSeconds: number;
}

const DRAIN_MS = 300_000;
/** Each agent's records are numbered from its own multiple of it. */
const NUMBERS = 1_000_000;
const CONNECTING_MAX = 100;

/** A process that stands between agents and Kafka, on ports that it keeps. */
class SyncGateway {
  readonly url: string;
  readonly #args: readonly string[];
  #process: TestProcess;

  private constructor(args: readonly string[], url: string) {
    this.url = url;
    this.#args = args;
    this.#process = edgelog(args);
  }

  static async start(bootstrap: string): Promise<SyncGateway> {
    const [sync, http] = await freePorts(2);
    const at = ['--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${http}`];
    const gateway = new SyncGateway(
      ['hub', '--sink', `kafka://${bootstrap}`, '--log-level', 'warn', ...at],
      `ws://127.0.0.1:${sync}`,
    );
    await gateway.#process.ready();
    return gateway;
  }

  /** kill -9, and a new process in its place, that need not be ready yet. */
  async replace(): Promise<void> {
    await this.#process.stop('SIGKILL');
    this.#process = edgelog(this.#args);
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  output(): string {
    return this.#process.output();
  }
}

/** Records of one gateway, on a disk in memory, that come to whichever sync gateway is there. */
class Agent {
  readonly promised: number[] = [];
  readonly problems: string[] = [];
  readonly #store: AgentStore;
  readonly #uplink: Uplink;
  #next: number;

  constructor(index: number, topic: string, urls: readonly string[]) {
    this.#next = index * NUMBERS;
    this.#store = agentStore(
      { gateway: `gateway-${topic}-${index}`, topics: [topic] },
      {
        durable: (_logId, _base, records) => void this.promised.push(...records),
        diverged: (run, reason) => void this.problems.push(`${run.logId} diverged: ${reason}`),
        refused: (run, code, message) => void this.problems.push(`${run.logId}: ${code}: ${message}`),
      },
    );
    this.#uplink = startUplink({ urls, port: this.#store, log: silent });
  }

  async take(records: number): Promise<void> {
    await this.#store.ingest(
      0,
      Array.from({ length: records }, () => this.#next++),
    );
    this.#uplink.notify();
  }

  get isDrained(): boolean {
    return this.#store.stored().every(({ drained }) => drained);
  }

  describe(): unknown {
    return this.#uplink.status();
  }

  stop(): Promise<void> {
    return this.#uplink.stop();
  }
}

/** Agents that send to sync gateways of which one after the other is killed. Throws unless everything is in Kafka once and in order. */
export async function scaleOut(options: ScaleOutOptions): Promise<ScaleOutReport> {
  const { kafka, topic, partitions, killEveryMs, kills, onProgress = () => {} } = options;
  await kafka.admin.createTopic(topic, { partitions });
  const prng = new Prng(options.seed);
  const gateways = await Promise.all(
    Array.from({ length: options.syncGateways }, () => SyncGateway.start(kafka.bootstrap)),
  );
  const agents: Agent[] = [];
  try {
    const urls = gateways.map(({ url }) => url);
    while (agents.length < options.agents) {
      const some = Math.min(CONNECTING_MAX, options.agents - agents.length);
      for (let i = 0; i < some; i++) agents.push(new Agent(agents.length, topic, urls));
      await Promise.all(agents.slice(-some).map((agent) => agent.take(1)));
      await drained(agents);
    }
    onProgress(`${agents.length} agents are at ${gateways.length} sync gateways`);
    let isOver = false;
    const taking = agents.map(async (agent) => {
      while (!isOver) {
        await agent.take(prng.between(1, 3));
        await sleep(prng.between(options.batchEveryMs / 2, options.batchEveryMs * 1.5));
      }
    });
    for (let i = 0; i < kills; i++) {
      await sleep(killEveryMs);
      const index = prng.between(0, gateways.length - 1);
      await gateways[index]!.replace();
      onProgress(`sync gateway ${index + 1} was killed, the ${i + 1}th of ${kills}`);
    }
    isOver = true;
    await Promise.all(taking);
    const startedAt = performance.now();
    await drained(agents);
    const drainSeconds = (performance.now() - startedAt) / 1_000;
    const batches = await storedBatches(
      Array.from({ length: partitions }, (_, index) => new RawPartition(kafka, topic, index)),
    );
    const byAgent = Map.groupBy(batches, ({ records: [first] }) => Math.floor(first! / NUMBERS));
    for (const [index, { promised, problems }] of agents.entries()) {
      if (problems.length > 0) throw new Error(problems.join('\n'));
      checkDelivered(byAgent.get(index) ?? [], promised);
    }
    return { records: agents.reduce((sum, { promised }) => sum + promised.length, 0), drainSeconds };
  } catch (cause) {
    const said = gateways.map((gateway) => gateway.output().slice(-4_000)).join('\n');
    throw new Error(`${String(cause)}\n${said}`, { cause });
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

async function drained(agents: readonly Agent[]): Promise<void> {
  const behind = (): Agent[] => agents.filter(({ isDrained }) => !isDrained);
  try {
    await until('all agents are drained', () => behind().length === 0, DRAIN_MS, 20);
  } catch (cause) {
    const [first, ...others] = behind();
    throw new Error(
      `${others.length + 1} agents are behind, the first: ${JSON.stringify(first?.describe(), null, 1)}`,
      { cause },
    );
  }
}

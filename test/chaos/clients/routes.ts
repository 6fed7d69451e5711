import { Connection } from '@edgelog/client';
import { type Address, parseAddress } from '@edgelog/runtime';
import { type Api, apis, ErrorCode, type RequestInput, type ResponseOutput } from '@edgelog/wire';
import { sleep } from '../../harness/wait.ts';

/** Who leads a partition, as the newest metadata had it. */
export interface Leader extends Address {
  readonly nodeId: number;
  readonly leaderEpoch: number;
  readonly topicId: string;
}

export interface PartitionState {
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/** How long a broker may take to answer: a client of the checker must notice a dead leader sooner than it may take to replace it. */
const TIMEOUT_MS = 1_000;
const CONTROLLER_TIMEOUT_MS = 30_000;
const RETRY_MS = 30;
const RETRY_MS_MAX = 250;

/** What all clients of the checker know of the cluster: asked of all brokers at once, the newest leader epoch wins. */
export class Routes {
  readonly #servers: readonly string[];
  readonly #brokers = new Map<number, Address>();
  readonly #partitions = new Map<string, PartitionState & { topicId: string }>();
  readonly #topics = new Set<string>();
  #next = 0;
  #refreshing: Promise<void> | undefined;

  constructor(bootstrap: string) {
    this.#servers = bootstrap.split(',');
  }

  /** Creates a topic, trying until some broker did; waits until it can be used. */
  async createTopic(
    name: string,
    numPartitions: number,
    configs: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const topic = { name, numPartitions, replicationFactor: -1, assignments: [], configs: entries };
    const isMade = async (): Promise<boolean> => {
      const answer = await this.ask(apis.createTopics, {
        topics: [topic],
        timeoutMs: 10_000,
        validateOnly: false,
      });
      const code = answer.topics[0]!.errorCode;
      return code === ErrorCode.NONE || code === ErrorCode.TOPIC_ALREADY_EXISTS;
    };
    while (!(await isMade().catch(() => false))) await sleep(RETRY_MS);
    await this.know(name, numPartitions);
  }

  /** Until every partition of a topic has a leader; it is asked for from then on. */
  async know(name: string, numPartitions: number): Promise<void> {
    this.#topics.add(name);
    const isKnown = (): boolean =>
      Array.from({ length: numPartitions }, (_, index) => this.leader(name, index)).every(Boolean);
    while (!isKnown()) await this.refresh();
  }

  state(topic: string, index: number): PartitionState | undefined {
    return this.#partitions.get(`${topic}-${index}`);
  }

  leader(topic: string, index: number): Leader | undefined {
    const state = this.#partitions.get(`${topic}-${index}`);
    const address = state && this.#brokers.get(state.leaderId);
    if (state === undefined || address === undefined) return undefined;
    return { nodeId: state.leaderId, leaderEpoch: state.leaderEpoch, topicId: state.topicId, ...address };
  }

  /** Asks once more, a little later: the more often in vain, the later. */
  async again(failures: number): Promise<void> {
    await sleep(Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** failures));
    await this.refresh();
  }

  /** Those who ask at the same time share an answer, the first that comes. */
  refresh(): Promise<void> {
    this.#refreshing ??= sleep(RETRY_MS)
      .then(() => Promise.any(this.#servers.map((server) => this.#learn(server))))
      .catch(() => {})
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** One request to the next of the brokers, on a connection of its own. */
  ask<A extends Api>(api: A, body: RequestInput<A>): Promise<ResponseOutput<A>> {
    return askServer(this.#servers[this.#next++ % this.#servers.length]!, api, body);
  }

  /** One request to the controller, as the metadata name it. */
  async askController<A extends Api>(api: A, body: RequestInput<A>): Promise<ResponseOutput<A>> {
    const { controllerId, brokers } = await this.ask(apis.metadata, {
      topics: [],
      allowAutoTopicCreation: false,
    });
    const controller = brokers.find(({ nodeId }) => nodeId === controllerId);
    if (controller === undefined) throw new Error('nobody is the controller');
    const connection = await open(controller);
    try {
      return await connection.request(api, body, { timeoutMs: CONTROLLER_TIMEOUT_MS });
    } finally {
      connection.close();
    }
  }

  /** A connection to who leads the partition, and who that is; tries until there is one or `isWanted` says no. */
  async connect(
    topic: string,
    index: number,
    isWanted: () => boolean,
  ): Promise<{ connection: Connection; leader: Leader } | undefined> {
    for (let failures = 0; ; failures++) {
      const leader = this.leader(topic, index);
      const connection = leader && (await open(leader).catch(() => undefined));
      if (leader !== undefined && connection !== undefined) return { connection, leader };
      if (!isWanted()) return undefined;
      await this.again(failures);
    }
  }

  async #learn(server: string): Promise<void> {
    const { brokers, topics } = await askServer(server, apis.metadata, {
      topics: [...this.#topics].map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    for (const { nodeId, host, port } of brokers) this.#brokers.set(nodeId, { host, port });
    for (const { name, topicId, partitions } of topics) {
      for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of partitions) {
        const key = `${name}-${partitionIndex}`;
        if ((this.#partitions.get(key)?.leaderEpoch ?? -1) > leaderEpoch) continue;
        this.#partitions.set(key, {
          topicId,
          leaderId,
          leaderEpoch,
          replicas: replicaNodes,
          isr: isrNodes,
        });
      }
    }
  }
}

async function askServer<A extends Api>(
  server: string,
  api: A,
  body: RequestInput<A>,
): Promise<ResponseOutput<A>> {
  const connection = await open(parseAddress(server));
  try {
    return await connection.request(api, body);
  } finally {
    connection.close();
  }
}

function open(address: Address): Promise<Connection> {
  return Connection.open(address, { clientId: 'chaos', timeoutMs: TIMEOUT_MS });
}

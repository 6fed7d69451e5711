import { EdgelogError } from '@edgelog/base';
import { Connection, type RequestBody } from '@edgelog/client';
import { type Address, formatAddress, parseAddress } from '@edgelog/runtime';
import { type Api, apis, ErrorCode, errorCodes, errorName, type ResponseOutput } from '@edgelog/wire';
import { whileCoordinatorsMove } from './coordinators.ts';

const CLIENT_ID = 'edgelog-cli';

/** Throws REFUSED with Kafka's name of the error and what it means. */
export function check(errorCode: number, what: string, message?: string | null): void {
  if (errorCode !== ErrorCode.NONE) throw refusal(errorCode, what, message);
}

/** What `check` throws. */
export function refusal(errorCode: number, what: string, message?: string | null): EdgelogError {
  const name = errorName(errorCode);
  return new EdgelogError('REFUSED', `${what}: ${name} (${message ?? errorCodes[name].message})`);
}

export type TopicMetadata = ResponseOutput<typeof apis.metadata>['topics'][number];

/** The brokers of a cluster, connected to as they are needed. */
export class Cluster {
  readonly #timeoutMs: number;
  readonly #bootstrapServers: readonly string[];
  #seed: Connection;
  #addresses = new Map<number, Address>();
  readonly #connections = new Map<number, Promise<Connection>>();
  #controllerId = -1;

  private constructor(seed: Connection, bootstrapServers: readonly string[], timeoutMs: number) {
    this.#seed = seed;
    this.#bootstrapServers = bootstrapServers;
    this.#timeoutMs = timeoutMs;
  }

  /** Connects to the first of the bootstrap servers that answers. Throws the error of the last one. */
  static async open(bootstrapServers: readonly string[], timeoutMs: number): Promise<Cluster> {
    const cluster = new Cluster(await openFirst(bootstrapServers, timeoutMs), bootstrapServers, timeoutMs);
    await cluster.metadata([]);
    return cluster;
  }

  /** Metadata of these topics, or of all; topics are never created by asking. */
  async metadata(topics: readonly string[] | null): Promise<ResponseOutput<typeof apis.metadata>> {
    const answer = await this.requestAny(apis.metadata, {
      topics: topics?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation: false,
    });
    this.#addresses = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#controllerId = answer.controllerId;
    return answer;
  }

  /** One topic with its partitions in order. Throws REFUSED when there is none. */
  async topic(name: string): Promise<TopicMetadata> {
    const [found] = (await this.metadata([name])).topics;
    if (found === undefined)
      throw new EdgelogError('REFUSED', `topic ${name}: the broker does not answer for it`);
    check(found.errorCode, `topic ${name}`);
    return { ...found, partitions: found.partitions.sort((a, b) => a.partitionIndex - b.partitionIndex) };
  }

  get brokerIds(): number[] {
    return [...this.#addresses.keys()];
  }

  async request<A extends Api>(nodeId: number, api: A, body: RequestBody<A>): Promise<ResponseOutput<A>> {
    return (await this.#connect(nodeId)).request(api, body);
  }

  /** Of the broker that decides for the cluster; of any while there is none: a hub does it, Kafka says why not. */
  async requestController<A extends Api>(api: A, body: RequestBody<A>): Promise<ResponseOutput<A>> {
    return this.#addresses.has(this.#controllerId)
      ? this.request(this.#controllerId, api, body)
      : this.requestAny(api, body);
  }

  /** Of the broker that was reached first, or of another one when that is gone. */
  async requestAny<A extends Api>(api: A, body: RequestBody<A>): Promise<ResponseOutput<A>> {
    if (!this.#seed.isOpen) {
      const known = Array.from(this.#addresses.values(), formatAddress);
      this.#seed = await openFirst([...new Set([...this.#bootstrapServers, ...known])], this.#timeoutMs);
    }
    return this.#seed.request(api, body);
  }

  /** The broker that coordinates a group. */
  async coordinatorOf(group: string): Promise<number> {
    const found = await whileCoordinatorsMove(
      async () => {
        const answer = await this.requestAny(apis.findCoordinator, (version) =>
          version >= 4 ? { keyType: 0, coordinatorKeys: [group] } : { key: group, keyType: 0 },
        );
        return answer.coordinators[0] ?? answer;
      },
      ({ errorCode }) => errorCode,
    );
    check(found.errorCode, `coordinator of group ${group}`, found.errorMessage);
    this.#addresses.set(found.nodeId, { host: found.host, port: found.port });
    return found.nodeId;
  }

  async close(): Promise<void> {
    this.#seed.close();
    for (const connection of await Promise.allSettled(this.#connections.values())) {
      if (connection.status === 'fulfilled') connection.value.close();
    }
  }

  /** The connection to a broker; one that is broken is made anew. */
  async #connect(nodeId: number): Promise<Connection> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) throw new EdgelogError('CONNECTION_LOST', `broker ${nodeId} is not available`);
    const existing = this.#connections.get(nodeId);
    const isUsable = await existing?.then(
      ({ isOpen }) => isOpen,
      () => false,
    );
    const current = this.#connections.get(nodeId);
    if (current !== undefined && (isUsable || current !== existing)) return current;
    const connection = Connection.open(address, { clientId: CLIENT_ID, timeoutMs: this.#timeoutMs }).catch(
      (cause) => Promise.reject(this.#unreachable(nodeId, address, cause)),
    );
    this.#connections.set(nodeId, connection);
    return connection;
  }

  /** A wrong setting of what brokers advertise is met here: the bootstrap server answers, the address that it names does not. */
  #unreachable(nodeId: number, address: Address, cause: unknown): unknown {
    const at = formatAddress(address);
    if (!(cause instanceof EdgelogError) || this.#bootstrapServers.includes(at)) return cause;
    return new EdgelogError(cause.code, `${cause.message} (${at} is what broker ${nodeId} advertises)`, {
      cause,
    });
  }
}

/** A connection to the first of the servers that answers. Throws the error of the last one. */
async function openFirst(servers: readonly string[], timeoutMs: number): Promise<Connection> {
  let failure: unknown;
  for (const server of servers) {
    try {
      return await Connection.open(parseAddress(server, '--bootstrap-server'), {
        clientId: CLIENT_ID,
        timeoutMs,
      });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

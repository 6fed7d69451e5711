import { backoffMs, EdgelogError } from '@edgelog/base';
import { Connection, type FrameMemory, type RequestBody, type RequestOptions } from '@edgelog/client';
import { parseAddress } from '@edgelog/runtime';
import type { Api, ResponseOutput } from '@edgelog/wire';

const RECONNECT = { minMs: 50, maxMs: 1_000 };
const CONNECT_MS = 3_000;
const ANSWER_MS = 30_000;

/** HOST:PORT of a broker's Kafka listener as the cluster's metadata has it; undefined while the broker is gone. */
export type PeerAddress = (brokerId: number) => string | undefined;

/** One life of a link's connection. */
interface Attempt {
  readonly address: string;
  readonly opened: Promise<Connection>;
  connection: Connection | undefined;
  isOver: boolean;
}

/**
 * One connection to another broker, made when it is needed and again when it broke. Requests go out in the order of the calls.
 * Between two attempts every request fails at once.
 */
export class PeerLink {
  readonly #brokerId: number;
  readonly #addressOf: PeerAddress;
  readonly #clientId: string;
  readonly #memory: FrameMemory | undefined;
  #attempt: Attempt | undefined;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** `memory`: of answers; default: fresh memory for each. */
  constructor(brokerId: number, addressOf: PeerAddress, clientId: string, memory?: FrameMemory) {
    this.#brokerId = brokerId;
    this.#addressOf = addressOf;
    this.#clientId = clientId;
    this.#memory = memory;
  }

  /** Rejects with EdgelogError, CONNECTION_LOST above all: whether the request was acted on is then not known. */
  async request<A extends Api>(
    api: A,
    body: RequestBody<A>,
    { timeoutMs = ANSWER_MS }: RequestOptions = {},
  ): Promise<ResponseOutput<A>> {
    return this.#open().then((connection) => connection.request(api, body, { timeoutMs }));
  }

  /** How long until another attempt to connect is made, milliseconds. */
  get retryInMs(): number {
    return Math.max(0, this.#notBefore - performance.now());
  }

  /** Ends the connection there is, and every request under way. The next request makes another one. */
  reset(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt === undefined) return;
    attempt.isOver = true;
    attempt.connection?.close();
  }

  close(): void {
    this.#closed = true;
    this.reset();
  }

  /** Ends a connection to where the broker no longer is. */
  checkAddress(): void {
    const address = this.#addressOf(this.#brokerId);
    if (this.#attempt === undefined || address === this.#attempt.address) return;
    this.reset();
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
  }

  #open(): Promise<Connection> {
    const current = this.#attempt;
    if (current !== undefined && current.connection?.isOpen !== false) return current.opened;
    const address = this.#addressOf(this.#brokerId);
    if (this.#closed || address === undefined) return this.#refuse('it is not there');
    if (this.retryInMs > 0) return this.#refuse('the last attempt failed');
    const opened = Connection.open(parseAddress(address), {
      clientId: this.#clientId,
      timeoutMs: CONNECT_MS,
      ...(this.#memory && { memory: this.#memory }),
    });
    const attempt: Attempt = {
      address,
      isOver: false,
      connection: undefined,
      opened: opened.then(
        (connection) => this.#onOpen(attempt, connection),
        (error) => this.#onFailure(attempt, error),
      ),
    };
    this.#attempt = attempt;
    return attempt.opened;
  }

  #onOpen(attempt: Attempt, connection: Connection): Connection {
    if (attempt.isOver) {
      connection.close();
      throw this.#lost('it was given up');
    }
    attempt.connection = connection;
    this.#failures = 0;
    return connection;
  }

  #onFailure(attempt: Attempt, error: unknown): never {
    if (!attempt.isOver) {
      this.#attempt = undefined;
      this.#notBefore = performance.now() + backoffMs(this.#failures, RECONNECT, Math.random());
      this.#failures += 1;
    }
    throw error;
  }

  #refuse(why: string): Promise<Connection> {
    return Promise.reject(this.#lost(why));
  }

  #lost(why: string): EdgelogError {
    return new EdgelogError('CONNECTION_LOST', `no connection to broker ${this.#brokerId}: ${why}`);
  }
}

/** The other brokers of a cluster, each behind one connection that all callers share. */
export class Peers {
  readonly #addressOf: PeerAddress;
  readonly #clientId: string;
  readonly #shared = new Map<number, PeerLink>();
  readonly #own = new Set<PeerLink>();

  constructor(addressOf: PeerAddress, clientId: string) {
    this.#addressOf = addressOf;
    this.#clientId = clientId;
  }

  /**
   * One request over the shared connection, in the order of the calls; the other side answers in that order too, so nothing that waits for
   * long belongs here.
   */
  call<A extends Api>(
    brokerId: number,
    api: A,
    body: RequestBody<A>,
    options?: RequestOptions,
  ): Promise<ResponseOutput<A>> {
    let link = this.#shared.get(brokerId);
    if (link === undefined) {
      link = new PeerLink(brokerId, this.#addressOf, this.#clientId);
      this.#shared.set(brokerId, link);
    }
    return link.request(api, body, options);
  }

  /** A connection for one caller alone, who closes it. `memory` as of a PeerLink. */
  open(brokerId: number, memory?: FrameMemory): PeerLink {
    const link = new PeerLink(brokerId, this.#addressOf, this.#clientId, memory);
    this.#own.add(link);
    return link;
  }

  /** A broker came, went or moved: requests to one that is gone fail now. */
  brokersChanged(): void {
    for (const link of this.#shared.values()) link.checkAddress();
    for (const link of this.#own) link.checkAddress();
  }

  close(): void {
    for (const link of this.#shared.values()) link.close();
    for (const link of this.#own) link.close();
  }
}

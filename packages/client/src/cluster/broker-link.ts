import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress, type Logger } from '@edgelog/runtime';
import type { Api, ResponseOutput } from '@edgelog/wire';
import { Connection, type ConnectionOptions, type RequestBody, type RequestOptions } from '../connection.ts';
import type { ConnectPace } from './pace.ts';

export interface LinkOptions extends ConnectionOptions {
  /** Shared by all links to the broker. */
  readonly pace: ConnectPace;
  readonly log: Logger;
  /** Where the address comes from, for messages. */
  readonly origin?: string | undefined;
}

/** One life of a link's connection. What is asked of it leaves in the order of the calls, also while it is being opened. */
export class Line {
  /** Rejects with EdgelogError. */
  readonly opened: Promise<Connection>;
  readonly #at: string;
  readonly #options: LinkOptions;
  #connection: Connection | undefined;
  #isOver = false;
  /** It has answered a request. */
  #isProven = false;
  #outstanding = 0;
  #usedAtMs = performance.now();

  constructor(address: Address, options: LinkOptions) {
    const { origin } = options;
    this.#at = formatAddress(address);
    this.#options = options;
    this.opened = Connection.open(address, options).then(
      (connection) => {
        if (this.#isOver) {
          connection.close();
          throw new EdgelogError('CONNECTION_LOST', `the connection to ${this.#at} was given up`);
        }
        this.#connection = connection;
        return connection;
      },
      (cause) => {
        const error = withOrigin(cause, origin);
        if (!this.#isOver) this.#tell(error);
        this.#isOver = true;
        throw error;
      },
    );
    this.opened.catch(() => {});
  }

  /** False once it broke, or could not be opened. */
  get isUsable(): boolean {
    return !this.#isOver && this.#connection?.isOpen !== false;
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#connection?.isOpen === true;
  }

  /** How long nothing was asked of it, nor is; milliseconds. */
  get idleMs(): number {
    return this.#outstanding > 0 ? 0 : performance.now() - this.#usedAtMs;
  }

  async request<A extends Api>(
    api: A,
    body: RequestBody<A>,
    options?: RequestOptions,
  ): Promise<ResponseOutput<A>> {
    this.#outstanding += 1;
    try {
      const answer = await this.opened.then((connection) => connection.request(api, body, options));
      this.#onAnswer();
      return answer;
    } catch (error) {
      this.#onFailure(error);
      throw error;
    } finally {
      this.#outstanding -= 1;
      this.#usedAtMs = performance.now();
    }
  }

  /** Not before: a listener that wants credentials tells its versions to everybody, and hangs up at the first question. */
  #onAnswer(): void {
    if (this.#isProven) return;
    this.#isProven = true;
    const { pace, log } = this.#options;
    if (pace.succeeded()) log.info('Kafka broker reached again', { broker: this.#at });
  }

  /** A broker that lets a request down is given a moment, like one that cannot be reached. */
  #onFailure(error: unknown): void {
    if (this.#isOver || this.#connection?.isOpen !== false) return;
    this.#isOver = true;
    if (error instanceof Error) this.#tell(error);
  }

  #tell(error: Error): void {
    const { pace, log } = this.#options;
    if (pace.failed(error)) {
      log.warn('no connection to a Kafka broker', { broker: this.#at, reason: error.message });
    }
  }

  close(): void {
    this.#isOver = true;
    this.#connection?.close();
  }
}

/**
 * One connection to a broker, made when it is needed and again when it broke. Between two attempts every request fails at once, with the
 * reason why the last one did.
 */
export class BrokerLink {
  readonly #address: Address;
  readonly #options: LinkOptions;
  #line: Line | undefined;
  #isClosed = false;

  constructor(address: Address, options: LinkOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Where requests go now. Throws what the last attempt failed with, while it is too early for another; CONNECTION_LOST after `close`. */
  line(): Line {
    if (this.#isClosed) throw new EdgelogError('CONNECTION_LOST', 'the Kafka client is closed');
    if (this.#line?.isUsable) return this.#line;
    const { obstacle } = this.#options.pace;
    if (obstacle !== undefined) throw obstacle;
    this.#line = new Line(this.#address, this.#options);
    return this.#line;
  }

  /** The lower the better a broker to ask: one that is connected, one that may be there, one that failed last time. */
  get rank(): number {
    if (this.#line?.isOpen === true) return 0;
    return this.#options.pace.isFailing ? 2 : 1;
  }

  /** Closes a connection that nobody has used for so long. */
  closeIdle(idleMs: number): void {
    if (this.#line !== undefined && this.#line.idleMs >= idleMs) this.#line.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#line?.close();
  }
}

function withOrigin(cause: unknown, origin: string | undefined): Error {
  if (!(cause instanceof EdgelogError)) return cause instanceof Error ? cause : new Error(String(cause));
  if (origin === undefined) return cause;
  return new EdgelogError(cause.code, `${cause.message} (${origin})`, { cause });
}

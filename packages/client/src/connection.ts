import { EdgelogError } from '@edgelog/base';
import { type Address, formatAddress } from '@edgelog/runtime';
import {
  type Api,
  apis,
  decodeResponse,
  ErrorCode,
  encodeRequestParts,
  type RequestInput,
  type ResponseOutput,
} from '@edgelog/wire';
import { type FrameMemory, FrameReader } from './frames.ts';
import { speaksTls, tellingMixUps } from './mix-up.ts';
import type { Ask } from './sasl/authenticate.ts';
import type { Exchange } from './sasl/exchange.ts';
import { SaslSession } from './sasl/session.ts';
import type { KafkaSecurity } from './security.ts';
import { type BrokerSocket, openSocket } from './socket.ts';
import { describeLoss } from './socket-errors.ts';

/** What a TLS listener answers to what is not TLS: an alert record. */
const TLS_ALERT = Buffer.of(0x15, 0x03);

/** A request, or how it looks in the version agreed on: some fields exist only up to or from one. */
export type RequestBody<A extends Api> = RequestInput<A> | ((version: number) => RequestInput<A>);

export interface ConnectionOptions {
  readonly clientId: string;
  /** How long connecting may take, and each answer. */
  readonly timeoutMs: number;
  /** Default: neither encryption nor credentials. */
  readonly security?: KafkaSecurity;
  /** Of answers. Default: fresh memory for each. */
  readonly memory?: FrameMemory;
}

export interface RequestOptions {
  /** Instead of the connection's: for requests that the broker may hold back. */
  readonly timeoutMs?: number;
}

interface Pending {
  resolve(frame: Buffer): void;
  reject(error: EdgelogError): void;
}

/**
 * One connection to a broker. Requests are pipelined and answered in order; each takes the highest version that both
 * sides speak. Every fault is an EdgelogError that names the broker. While the broker is shown anew who this is, requests wait in their
 * order.
 */
export class Connection {
  readonly #socket: BrokerSocket;
  readonly #at: string;
  readonly #options: ConnectionOptions;
  readonly #session: SaslSession | undefined;
  readonly #pending: Pending[] = [];
  readonly #versions = new Map<number, { min: number; max: number }>();
  readonly #frames: FrameReader;
  #correlationId = 0;
  /** Requests that wait for an authentication to end; undefined when there is none under way. */
  #held: (() => void)[] | undefined;
  /** Nothing but versions and credentials was answered so far. */
  #isNew = true;
  #failure: EdgelogError | undefined;

  private constructor(socket: BrokerSocket, at: string, options: ConnectionOptions) {
    this.#socket = socket;
    this.#at = at;
    this.#options = options;
    this.#frames = new FrameReader(options.memory);
    const { sasl, tls } = options.security ?? {};
    this.#session = sasl && new SaslSession(sasl, at, options.timeoutMs);
    const { stream } = socket;
    stream.on('error', (cause) =>
      this.#fail(describeLoss(`the connection to ${at} broke`, cause, tls !== undefined)),
    );
    stream.on('close', () => this.#fail(this.#closedByBroker()));
  }

  /**
   * Connects, asks for the versions the broker speaks, and shows who this is. Throws what `openSocket` and `authenticate` do, CONFIG_INVALID
   * where one side speaks TLS and the other does not.
   */
  static async open(address: Address, options: ConnectionOptions): Promise<Connection> {
    const { timeoutMs, security } = options;
    const isTls = security?.tls !== undefined;
    return tellingMixUps(address, { isTls, timeoutMs }, () => Connection.#open(address, options));
  }

  static async #open(address: Address, options: ConnectionOptions): Promise<Connection> {
    const at = formatAddress(address);
    const { timeoutMs, security } = options;
    // Nothing is read before it is there: it is made in the turn in which the socket opens.
    let connection: Connection | undefined;
    const onChunk = (chunk: Buffer): void => {
      if (connection !== undefined) connection.#onData(chunk);
    };
    const socket = await openSocket(address, { tls: security?.tls, timeoutMs, onChunk });
    connection = new Connection(socket, at, options);
    try {
      await connection.#negotiate();
      await connection.#authenticate();
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Sends one request. Throws UNSUPPORTED_VERSION, TIMEOUT, CONNECTION_LOST, AUTHENTICATION_FAILED or CORRUPT_FRAME. */
  async request<A extends Api>(
    api: A,
    body: RequestBody<A>,
    { timeoutMs = this.#options.timeoutMs }: RequestOptions = {},
  ): Promise<ResponseOutput<A>> {
    const version = this.#versionOf(api);
    const send = async () => {
      const answer = await this.#send(
        api,
        version,
        typeof body === 'function' ? body(version) : body,
        timeoutMs,
      );
      this.#isNew = false;
      return answer;
    };
    if (this.#session?.isDue) void this.#authenticateAnew(this.#session);
    const held = this.#held;
    return held === undefined ? send() : new Promise((resolve) => held.push(() => resolve(send())));
  }

  /** False once it is closed or broken. */
  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  close(): void {
    this.#fail(new EdgelogError('CONNECTION_LOST', `the connection to ${this.#at} is closed`));
  }

  async #negotiate(): Promise<void> {
    const { apiVersions } = apis;
    const { clientId, timeoutMs } = this.#options;
    const identity = { clientSoftwareName: clientId, clientSoftwareVersion: '0.1.0' };
    let answer = await this.#send(apiVersions, 3, identity, timeoutMs, 0);
    if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION)
      answer = await this.#send(apiVersions, 0, {}, timeoutMs);
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      this.#versions.set(apiKey, { min: minVersion, max: maxVersion });
    }
  }

  async #authenticate(): Promise<void> {
    if (this.#session === undefined) return;
    await this.#session.authenticate(await this.#session.prepare(), this.#ask);
  }

  /** On the open connection [KIP-368]: brokers take nothing else from the first word of it to the last. */
  async #authenticateAnew(session: SaslSession): Promise<void> {
    let exchange: Exchange;
    try {
      exchange = await session.prepare();
    } catch {
      return; // The session lasts a while yet, and is due again soon; when it has run out, opening the next one says why.
    }
    this.#held = [];
    try {
      await session.authenticate(exchange, this.#ask);
    } catch (error) {
      this.#fail(describeLoss(`the connection to ${this.#at} is closed`, error as Error, false));
    }
    const held = this.#held;
    this.#held = undefined;
    for (const send of held) send();
  }

  readonly #ask: Ask = async (api, body) =>
    this.#send(api, this.#versionOf(api), body, this.#options.timeoutMs);

  #versionOf(api: Api): number {
    if (api.isInternal) return api.versions[1];
    const broker = this.#versions.get(api.key);
    const [min, max] = api.versions;
    const version = Math.min(max, broker?.max ?? -1);
    if (broker === undefined || version < Math.max(min, broker.min)) {
      const theirs = broker === undefined ? 'not at all' : `${broker.min} to ${broker.max}`;
      throw new EdgelogError(
        'UNSUPPORTED_VERSION',
        `the broker at ${this.#at} speaks ${api.name} ${theirs}, this program ${min} to ${max}`,
      );
    }
    return version;
  }

  /** `fallback` is tried when the answer is not in `version`: a broker that lacks it answers ApiVersions in version 0. */
  async #send<A extends Api>(
    api: A,
    version: number,
    body: RequestInput<A>,
    timeoutMs: number,
    fallback = version,
  ): Promise<ResponseOutput<A>> {
    if (this.#failure) throw this.#failure;
    const correlationId = this.#correlationId;
    this.#correlationId = (correlationId + 1) | 0;
    const header = { correlationId, clientId: this.#options.clientId };
    const parts = encodeRequestParts(api, version, header, body);
    const frame = await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => {
        const late = `${this.#at} did not answer ${api.name} in ${timeoutMs} ms`;
        reject(new EdgelogError('TIMEOUT', late));
        this.#fail(new EdgelogError('CONNECTION_LOST', `the connection is closed: ${late}`));
      }, timeoutMs);
      const settled = <T>(then: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      };
      this.#pending.push({ resolve: settled(resolve), reject: settled(reject) });
      this.#write(parts);
    });
    if (frame.readInt32BE(0) !== correlationId) {
      this.#fail(this.#foreign());
      throw this.#foreign();
    }
    try {
      return decodeResponse(api, version, frame).body;
    } catch (error) {
      if (fallback === version) throw error;
      return decodeResponse(api, fallback, frame).body;
    }
  }

  #write(parts: readonly Buffer[]): void {
    const { stream } = this.#socket;
    stream.cork();
    for (const part of parts) stream.write(part);
    stream.uncork();
  }

  #onData(chunk: Buffer): void {
    const isAlert = this.#isNew && chunk.subarray(0, TLS_ALERT.length).equals(TLS_ALERT);
    if (this.#frames.read(chunk, (frame) => this.#onFrame(frame))) return;
    this.#fail(isAlert ? speaksTls(this.#at) : this.#foreign());
  }

  #onFrame(frame: Buffer): void {
    const asked = this.#pending.shift();
    if (asked === undefined) this.#fail(this.#foreign());
    else asked.resolve(frame);
  }

  #closedByBroker(): EdgelogError {
    const wantsSasl = this.#isNew && this.#versions.size > 0 && this.#options.security?.sasl === undefined;
    const hint = wantsSasl ? '; does it want --kafka-sasl, or another certificate?' : '';
    return new EdgelogError('CONNECTION_LOST', `the broker at ${this.#at} closed the connection${hint}`);
  }

  #foreign(): EdgelogError {
    return new EdgelogError('CORRUPT_FRAME', `what listens at ${this.#at} does not speak the Kafka protocol`);
  }

  /** The first fault ends the connection, and is what all get who wait or will ask. */
  #fail(failure: EdgelogError): void {
    this.#failure ??= failure;
    if (this.#pending.length > 0) this.#socket.reset();
    else this.#socket.close();
    for (const pending of this.#pending.splice(0)) pending.reject(this.#failure);
  }
}

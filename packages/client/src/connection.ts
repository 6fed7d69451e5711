import { connect, type Socket } from 'node:net';
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
import type { KafkaSecurity } from './security.ts';

const LENGTH_BYTES = 4;
const FRAME_BYTES_MAX = 100 * 1024 * 1024;

/** A request, or how it looks in the version agreed on: some fields exist only up to or from one. */
export type RequestBody<A extends Api> = RequestInput<A> | ((version: number) => RequestInput<A>);

export interface ConnectionOptions {
  readonly clientId: string;
  /** How long connecting may take, and each answer. */
  readonly timeoutMs: number;
  /** Default: neither encryption nor credentials. */
  readonly security?: KafkaSecurity;
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
 * sides speak. Every fault is an EdgelogError that names the broker.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #at: string;
  readonly #options: ConnectionOptions;
  readonly #pending: Pending[] = [];
  readonly #versions = new Map<number, { min: number; max: number }>();
  #correlationId = 0;
  /** What came of the frame that is not whole yet; joined when there is as much as it takes. */
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #wantedBytes = LENGTH_BYTES;
  #failure: EdgelogError | undefined;

  private constructor(socket: Socket, at: string, options: ConnectionOptions) {
    this.#socket = socket;
    this.#at = at;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (cause) => this.#fail(`the connection to ${at} broke: ${cause.message}`, cause));
    socket.on('close', () => this.#fail(`the broker at ${at} closed the connection`));
  }

  /** Connects and asks for the versions the broker speaks. */
  static async open(address: Address, options: ConnectionOptions): Promise<Connection> {
    const at = formatAddress(address);
    const socket = await connectTcp(address, at, options.timeoutMs);
    const connection = new Connection(socket, at, options);
    try {
      await connection.#negotiate();
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Sends one request. Throws UNSUPPORTED_VERSION, TIMEOUT, CONNECTION_LOST or CORRUPT_FRAME. */
  async request<A extends Api>(
    api: A,
    body: RequestBody<A>,
    { timeoutMs = this.#options.timeoutMs }: RequestOptions = {},
  ): Promise<ResponseOutput<A>> {
    const version = this.#versionOf(api);
    return this.#send(api, version, typeof body === 'function' ? body(version) : body, timeoutMs);
  }

  /** False once it is closed or broken. */
  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  close(): void {
    this.#failure ??= new EdgelogError('CONNECTION_LOST', `the connection to ${this.#at} is closed`);
    this.#socket.destroy();
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
    const correlationId = this.#correlationId++;
    const header = { correlationId, clientId: this.#options.clientId };
    const parts = encodeRequestParts(api, version, header, body);
    const frame = await new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new EdgelogError('TIMEOUT', `${this.#at} did not answer ${api.name} in ${timeoutMs} ms`));
        this.close();
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
    if (frame.length < 4 || frame.readInt32BE(0) !== correlationId) throw this.#foreign();
    try {
      return decodeResponse(api, version, frame).body;
    } catch (error) {
      if (fallback === version) throw error;
      return decodeResponse(api, fallback, frame).body;
    }
  }

  #write(parts: readonly Buffer[]): void {
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  #onData(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes < this.#wantedBytes) return;
    let bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    let wanted = LENGTH_BYTES;
    while (bytes.length >= LENGTH_BYTES) {
      const length = bytes.readInt32BE(0);
      if (length < 4 || length > FRAME_BYTES_MAX) {
        const { message } = this.#foreign();
        this.#fail(message);
        return void this.#socket.destroy();
      }
      wanted = LENGTH_BYTES + length;
      if (bytes.length < wanted) break;
      this.#pending.shift()?.resolve(bytes.subarray(LENGTH_BYTES, wanted));
      bytes = bytes.subarray(wanted);
      wanted = LENGTH_BYTES;
    }
    this.#received = [bytes];
    this.#receivedBytes = bytes.length;
    this.#wantedBytes = wanted;
  }

  #foreign(): EdgelogError {
    return new EdgelogError('CORRUPT_FRAME', `what listens at ${this.#at} does not speak the Kafka protocol`);
  }

  #fail(message: string, cause?: unknown): void {
    this.#failure ??= new EdgelogError('CONNECTION_LOST', message, { cause });
    for (const pending of this.#pending.splice(0)) pending.reject(this.#failure);
  }
}

function connectTcp(address: Address, at: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new EdgelogError('TIMEOUT', `no connection to ${at} within ${timeoutMs} ms`));
    }, timeoutMs);
    const onError = (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const reason =
        cause.code === 'ECONNREFUSED' ? 'nothing listens there; is the hub running?' : cause.message;
      reject(new EdgelogError('CONNECTION_LOST', `no connection to ${at}: ${reason}`));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

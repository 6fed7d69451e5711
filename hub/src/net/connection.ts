import type { Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { describeError, formatAddress, type Logger } from '@edgelog/runtime';
import { decodeRequestHeader } from '@edgelog/wire';
import { BROKER_CLIENT_ID } from './broker-client-id.ts';
import type { Client, Dispatcher } from './dispatcher.ts';
import type { FramePool } from './frame-pool.ts';
import { FrameSplitter } from './frame-splitter.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type ResponseBytes, ResponseQueue } from './response-queue.ts';
import { readShared } from './shared-read.ts';

/** Requests of one connection that may be answered later at once. */
const IN_FLIGHT_MAX = 128;
/** A client that has not taken this much of its responses is read no further. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** Half a request, or half a response not taken: a connection where nothing moves for this long is closed. */
const STALL_MS = 60_000;
/** Kafka's `connections.max.idle.ms`. */
const IDLE_MS_MAX = 600_000;

/** A connection that only a broker may have is closed when it has not said so by then. */
const BROKER_MS_MAX = 5_000;

const FETCH_KEY = 1;

export interface ConnectionDeps {
  dispatcher: Dispatcher;
  maxFrameBytes: number;
  frames: FramePool;
  requests: MemoryBudget;
  responses: MemoryBudget;
  log: Logger;
  onClose: (connection: Connection) => void;
}

export interface ConnectionOptions extends ConnectionDeps {
  /** There is no room for another client. */
  isForBroker: boolean;
}

/**
 * One Kafka client's connection. The dispatcher's call is a request's first phase and ends before the next request is read;
 * what it promises is the second phase and runs beside those of other requests; responses leave in request order.
 */
export class Connection {
  readonly client: Client;
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #splitter: FrameSplitter;
  readonly #responses: ResponseQueue;
  readonly #advanceSoon = () => this.#advance();
  /** A Fetch that came while another is in flight: each may answer megabytes, so they go one by one. */
  #heldFetch: Buffer | undefined;
  #fetchInFlight = false;
  #partialBytes = 0;
  #unsentBytes = 0;
  #corked = false;
  #ending = false;
  #lastRequestAt = performance.now();
  #isForBroker: boolean;

  /** `accepted` is paused and not used by anyone else from here on. */
  constructor(accepted: Socket, { isForBroker, ...deps }: ConnectionOptions) {
    const socket = readShared(accepted, (chunk) => {
      this.#splitter.push(chunk);
      this.#advance();
      this.#splitter.keepRest();
    });
    this.#socket = socket;
    this.#deps = deps;
    this.#isForBroker = isForBroker;
    this.#splitter = new FrameSplitter(deps.maxFrameBytes, deps.frames, (apiKey, apiVersion) =>
      deps.dispatcher.check(apiKey, apiVersion),
    );
    this.#responses = new ResponseQueue((bytes) => this.#send(bytes));
    const remoteAddress = plain(socket.remoteAddress);
    this.client = {
      remote: formatAddress({ host: remoteAddress, port: socket.remotePort ?? 0 }),
      local: { host: plain(socket.localAddress), port: socket.localPort ?? 0 },
      host: `/${remoteAddress}`,
      isClosed: false,
      software: undefined,
      whenClosed: new Set(),
    };
    socket.setNoDelay(true);
    socket.setTimeout(isForBroker ? BROKER_MS_MAX : STALL_MS);
    socket.on('timeout', () => this.#onTimeout());
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => deps.log.debug('connection failed', { remote: this.client.remote, error }));
    socket.on('close', () => this.#onClose());
  }

  get inFlight(): number {
    return this.#responses.inFlight;
  }

  /** Reads no further, lets what is in flight be answered, then ends. */
  shutdown(): void {
    this.#ending = true;
    this.#socket.pause();
    if (this.#responses.inFlight === 0) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #mayBegin(): boolean {
    if (this.client.isClosed || this.#ending) return false;
    if (this.#responses.inFlight >= IN_FLIGHT_MAX || this.#unsentBytes > UNSENT_BYTES_MAX) return false;
    if (this.#splitter.isMidFrame || !this.#deps.requests.isExceeded) return true;
    this.#deps.requests.whenRelieved(this.#advanceSoon);
    return false;
  }

  /** Begins as many of the requests that are here as the limits allow, and reads on when none is left. */
  #advance(): void {
    try {
      for (;;) {
        if (!this.#mayBegin()) {
          this.#holdPartial();
          this.#socket.pause();
          return;
        }
        const frame = this.#heldFetch ?? this.#splitter.next();
        if (frame === undefined) break;
        const isFetch = frame.readInt16BE(0) === FETCH_KEY;
        if (isFetch && this.#fetchInFlight) {
          this.#heldFetch = frame;
          this.#holdPartial();
          this.#socket.pause();
          return;
        }
        this.#heldFetch = undefined;
        this.#begin(frame, isFetch);
      }
      this.#holdPartial();
      if (!this.#ending && this.#socket.isPaused()) this.#socket.resume();
    } catch (error) {
      this.#refuse(error);
    }
  }

  #begin(frame: Buffer, isFetch: boolean): void {
    if (this.#isForBroker) this.#identify(frame);
    const { requests } = this.#deps;
    const answer = this.#responses.reserve();
    const frameBytes = frame.length;
    requests.hold(frameBytes);
    this.#fetchInFlight ||= isFetch;
    this.#lastRequestAt = performance.now();
    let isHeld = true;
    const release = () => {
      if (isHeld) requests.release(frameBytes);
      isHeld = false;
    };
    const finish = (bytes: ResponseBytes) => {
      release();
      if (isFetch) this.#fetchInFlight = false;
      answer(bytes);
    };
    let result: ResponseBytes | Promise<ResponseBytes>;
    try {
      result = this.#deps.dispatcher.dispatch(frame, this.client, this.#deps.frames, release);
    } catch (error) {
      finish(undefined);
      throw error;
    }
    if (!(result instanceof Promise)) {
      finish(result);
      return;
    }
    result.then(
      (bytes) => {
        finish(bytes);
        this.#advance();
      },
      (error: unknown) => {
        finish(undefined);
        this.#refuse(error);
      },
    );
  }

  /** Throws where the client does not call itself a broker. */
  #identify(frame: Buffer): void {
    const { clientId } = decodeRequestHeader(frame);
    if (!clientId?.startsWith(BROKER_CLIENT_ID))
      throw new EdgelogError('LIMIT_EXCEEDED', 'too many connections: what room is left is for brokers');
    this.#isForBroker = false;
    this.#socket.setTimeout(STALL_MS);
  }

  #send(bytes: ResponseBytes): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (bytes !== undefined) {
      if (!this.#corked) {
        this.#corked = true;
        socket.cork();
        process.nextTick(() => {
          this.#corked = false;
          socket.uncork();
        });
      }
      let sizeBytes = 0;
      for (let i = 0; i < bytes.length - 1; i++) {
        socket.write(bytes[i]!);
        sizeBytes += bytes[i]!.length;
      }
      const last = bytes[bytes.length - 1]!;
      sizeBytes += last.length;
      this.#unsentBytes += sizeBytes;
      this.#deps.responses.hold(sizeBytes);
      this.#deps.dispatcher.countSent(sizeBytes);
      socket.write(last, (error) => this.#onSent(bytes, sizeBytes, error));
    }
    if (this.#ending && this.#responses.inFlight === 0) socket.destroySoon();
  }

  /** Parts that are not of the pool's memory it leaves alone. After an error nobody knows who still looks at them. */
  #onSent(bytes: readonly Buffer[], sizeBytes: number, error: Error | null | undefined): void {
    if (!error) for (const part of bytes) this.#deps.frames.giveBack(part);
    if (this.client.isClosed) return;
    const wasSlow = this.#unsentBytes > UNSENT_BYTES_MAX;
    this.#unsentBytes -= sizeBytes;
    this.#deps.responses.release(sizeBytes);
    if (wasSlow && this.#unsentBytes <= UNSENT_BYTES_MAX) this.#advance();
  }

  #holdPartial(): void {
    const held = this.#splitter.heldBytes + (this.#heldFetch?.length ?? 0);
    if (held === this.#partialBytes) return;
    this.#deps.requests.changePartial(held - this.#partialBytes);
    this.#partialBytes = held;
  }

  /** The stream cannot be understood any further: say so once, answer what came before, close. */
  #refuse(error: unknown): void {
    if (this.client.isClosed || this.#ending) return;
    const { remote } = this.client;
    this.#deps.log.warn('connection closed: bad request', { remote, reason: describeError(error) });
    this.#deps.dispatcher.countRefused();
    this.shutdown();
  }

  #onTimeout(): void {
    const { remote } = this.client;
    const idleMs = performance.now() - this.#lastRequestAt;
    if (this.#ending || this.#isForBroker) {
      this.#socket.destroy();
    } else if (this.#unsentBytes > 0) {
      this.#deps.log.warn('connection closed: responses not taken', {
        remote,
        unsentBytes: this.#unsentBytes,
      });
      this.#socket.destroy();
    } else if (this.#splitter.isMidFrame && !this.#socket.isPaused()) {
      this.#deps.log.warn('connection closed: request never completed', { remote, stalledMs: STALL_MS });
      this.#socket.destroy();
    } else if (this.#responses.inFlight === 0 && idleMs >= IDLE_MS_MAX) {
      this.#deps.log.debug('connection closed: idle', { remote });
      this.#socket.destroySoon();
    } else {
      this.#socket.setTimeout(STALL_MS);
    }
  }

  /**
   * The client sends no more. It may have shut its own side only and still read, so what is in flight is answered, except what
   * would be waited for: a client that is gone for good looks the same.
   */
  #onEnd(): void {
    if (this.#splitter.isMidFrame) {
      const { remote } = this.client;
      this.#deps.log.debug('client ended its connection within a request', { remote });
    }
    this.#cancelParked();
    this.shutdown();
  }

  #cancelParked(): void {
    for (const cancel of this.client.whenClosed) cancel();
    this.client.whenClosed.clear();
  }

  #onClose(): void {
    this.client.isClosed = true;
    this.#deps.requests.forget(this.#advanceSoon);
    this.#deps.requests.changePartial(-this.#partialBytes);
    this.#deps.responses.release(this.#unsentBytes);
    this.#partialBytes = 0;
    this.#cancelParked();
    this.#deps.onClose(this);
  }
}

/** Without the prefix that an IPv4 address has on a socket that takes both families. */
function plain(address: string | undefined): string {
  return address?.replace(/^::ffff:/, '') ?? 'unknown';
}

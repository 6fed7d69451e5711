import type { Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { closeArguments, closeReason } from '../closing.ts';
import { batchFrameBytes, encodeBatchFrame } from '../frames/batch-frame.ts';
import { encodeFrame } from '../frames/codec.ts';
import { frameFromHub } from '../frames/message.ts';
import type { AgentFrame } from '../frames/types.ts';
import { clockIn, Heartbeat } from '../heartbeat.ts';
import type { RefusalCode } from '../ports.ts';
import type { Route, UplinkTuning } from '../uplink-types.ts';
import type { Connect, ConnectionEvents, UplinkConnection } from './connection.ts';
import { SendMemory } from './send-memory.ts';

const monotonicMs = () => performance.now();

/** How long a closing handshake may take. */
const GOODBYE_MS = 2_000;

export const overWebSocket: Connect = (url, route, tuning, events) =>
  new WebSocketConnection(url, route, tuning, events);

/** One WebSocket to a hub: frames in, frames out, dead when silent. */
class WebSocketConnection implements UplinkConnection {
  readonly hasHubClock = true;
  readonly copiesBatches = true;
  readonly #ws: WebSocket;
  readonly #tuning: UplinkTuning;
  readonly #events: ConnectionEvents;
  readonly #patience: NodeJS.Timeout;
  readonly #memory = new SendMemory();
  #heartbeat: Heartbeat | undefined;
  #waitsForRoom = false;
  #closed = false;
  #problem: string | undefined;

  constructor(url: string, route: Route, tuning: UplinkTuning, events: ConnectionEvents) {
    this.#tuning = tuning;
    this.#events = events;
    const ws = new WebSocket(url, clientOptions(url, route, tuning));
    this.#ws = ws;
    // ws times out an answer to its request, not a proxy that never lets it be asked.
    const patience = setTimeout(
      () => this.cut(`no connection within ${tuning.connectTimeoutMs} ms`),
      tuning.connectTimeoutMs,
    );
    this.#patience = patience;
    let socket: Socket | undefined;
    ws.on('upgrade', (response) => {
      socket = response.socket;
      socket.setNoDelay(true);
    });
    ws.on('open', () => {
      clearTimeout(patience);
      if (socket !== undefined) {
        this.#heartbeat = new Heartbeat(
          ws,
          socket,
          tuning.pingIntervalMs,
          tuning.missedPingsMax,
          monotonicMs,
          () => this.cut(`nothing heard for ${tuning.pingIntervalMs * tuning.missedPingsMax} ms`),
        );
      }
      events.open();
    });
    ws.on('pong', (payload) => {
      const sentAt = clockIn(payload);
      if (sentAt !== undefined) events.roundTrip(Math.max(0, monotonicMs() - sentAt));
    });
    ws.on('ping', (payload) => {
      const hubTimeMs = clockIn(payload);
      if (hubTimeMs !== undefined) events.hubTime(hubTimeMs);
    });
    ws.on('message', (data, isBinary) => this.#message(data, isBinary));
    ws.on('error', (error) => {
      this.#problem ??= error.message || error.name;
    });
    ws.on('close', (code, reason) =>
      this.#finish(`closed by the hub: ${code} ${reason.toString()}`.trimEnd()),
    );
  }

  get congested(): boolean {
    const congested = this.#ws.bufferedAmount >= this.#tuning.bufferedBytesMax;
    if (congested) this.#waitsForRoom = true;
    return congested;
  }

  send(frame: AgentFrame): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (frame.type !== 'batch') {
      this.#ws.send(encodeFrame(frame), this.#sent);
      return;
    }
    const piece = this.#memory.take(batchFrameBytes(frame));
    this.#ws.send(encodeBatchFrame(frame, piece.bytes), () => {
      this.#memory.release(piece);
      this.#sent();
    });
  }

  close(code: RefusalCode, message: string): void {
    this.#problem ??= `${code}: ${message}`;
    this.#ws.close(...closeArguments(code, message));
    setTimeout(() => this.#ws.terminate(), GOODBYE_MS).unref();
    this.#finish(this.#problem);
  }

  cut(reason: string): void {
    this.#problem ??= reason;
    this.#ws.terminate();
    this.#finish(reason);
  }

  readonly #sent = () => {
    if (!this.#waitsForRoom || this.#ws.bufferedAmount > this.#tuning.bufferedBytesMax / 2) return;
    this.#waitsForRoom = false;
    if (!this.#closed) this.#events.drained();
  };

  #message(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
    try {
      this.#events.frame(frameFromHub(data, isBinary));
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.close('protocol-error', `${error.code}: ${error.message}`);
    }
  }

  #finish(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patience);
    this.#heartbeat?.stop();
    this.#events.closed(closeReason(this.#problem ?? reason));
  }
}

function clientOptions(url: string, route: Route, tuning: UplinkTuning): ClientOptions {
  const { agent, ca, cert, key } = route;
  const options: ClientOptions = {
    ...(agent !== undefined && { agent }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    perMessageDeflate: false,
    maxPayload: tuning.maxFrameBytes,
    handshakeTimeout: tuning.connectTimeoutMs,
    skipUTF8Validation: true,
  };
  // Masks keep hostile content from steering proxies that read the wire [RFC6455-10.3]. Under TLS, and on loopback,
  // nobody reads it; a mask of zeros spares both ends a pass over every byte.
  if (isUnreadable(new URL(url))) options.generateMask = (mask) => mask.fill(0);
  return options;
}

const isUnreadable = ({ protocol, hostname }: URL) =>
  protocol === 'wss:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');

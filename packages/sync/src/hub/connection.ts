import type { Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { type RawData, WebSocket } from 'ws';
import { closeArguments } from '../closing.ts';
import { encodeFrame } from '../frames/codec.ts';
import { frameFromAgent } from '../frames/message.ts';
import { Heartbeat } from '../heartbeat.ts';
import type { SyncLog } from '../log.ts';
import type { HubPort, RefusalCode } from '../ports.ts';
import { HubLink } from './link.ts';
import type { HubLimits } from './state.ts';

export interface AgentConnectionOptions {
  id: number;
  ws: WebSocket;
  socket: Socket;
  hub: HubPort;
  log: SyncLog;
  limits: HubLimits;
  pingIntervalMs: number;
  missedPingsMax: number;
  handshakeTimeoutMs: number;
  register(connection: AgentConnection, instance: string): void;
  /** Its bytes under way in the store changed. */
  uncommitted(connection: AgentConnection, bytes: number): void;
  /** The probe came back. */
  answered(connection: AgentConnection): void;
  badFrame(connection: AgentConnection, error: EdgelogError): void;
  oversize(connection: AgentConnection): void;
  handshakeTimedOut(connection: AgentConnection): void;
  closed(connection: AgentConnection): void;
}

const PROBE = Buffer.from('edgelog: are you there?');
/** How long a closing handshake may take. */
const GOODBYE_MS = 2_000;

/** One agent's WebSocket at the hub. */
export class AgentConnection {
  readonly id: number;
  readonly remote: string;
  readonly connectedAt = Date.now();
  readonly link: HubLink;
  lastSeenAt = this.connectedAt;
  readonly #options: AgentConnectionOptions;
  readonly #heartbeat: Heartbeat;
  readonly #handshake: NodeJS.Timeout;
  #flushing = false;
  #closed = false;

  constructor(options: AgentConnectionOptions) {
    const { ws, socket, hub, log, limits } = options;
    this.#options = options;
    this.id = options.id;
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    this.link = new HubLink({
      hub,
      log,
      limits,
      now: Date.now,
      send: (frame) => {
        if (ws.readyState === WebSocket.OPEN) ws.send(encodeFrame(frame));
      },
      end: (code, message) => this.#close(code, message),
      register: (_gateway, instance) => {
        clearTimeout(this.#handshake);
        options.register(this, instance);
      },
      wantsFlush: () => this.#wantsFlush(),
    });
    this.#heartbeat = new Heartbeat(
      ws,
      socket,
      options.pingIntervalMs,
      options.missedPingsMax,
      Date.now,
      () => {
        log.warn('nothing heard from an agent, closing', { gateway: this.gateway, remote: this.remote });
        ws.terminate();
      },
    );
    this.#handshake = setTimeout(() => {
      options.handshakeTimedOut(this);
      this.#close('protocol-error', `no hello within ${options.handshakeTimeoutMs} ms`);
    }, options.handshakeTimeoutMs);
    ws.on('message', (data, isBinary) => this.#message(data, isBinary));
    ws.on('pong', (data) => {
      this.lastSeenAt = Date.now();
      if (data.equals(PROBE)) options.answered(this);
    });
    ws.on('ping', () => {
      this.lastSeenAt = Date.now();
    });
    ws.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') options.oversize(this);
      setTimeout(() => ws.terminate(), GOODBYE_MS).unref();
    });
    ws.on('close', () => this.#finish());
  }

  get gateway(): string {
    return this.link.session.gateway;
  }

  /** Of this connection, ever. */
  get bytesRead(): number {
    return this.#options.socket.bytesRead;
  }

  /** Reads nothing more for now. */
  pause(): void {
    this.#options.ws.pause();
  }

  resume(): void {
    this.#options.ws.resume();
  }

  /** Reads on even if it is paused: the answer waits behind what was sent before. */
  probe(): void {
    this.resume();
    if (this.#options.ws.readyState === WebSocket.OPEN) this.#options.ws.ping(PROBE);
  }

  dismiss(code: RefusalCode, message: string): void {
    this.link.dismiss(code, message);
  }

  #message(data: RawData, isBinary: boolean): void {
    this.lastSeenAt = Date.now();
    try {
      this.link.receive(frameFromAgent(data, isBinary));
      this.#tellUncommitted();
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      if (error.code === 'CORRUPT_FRAME') this.#options.badFrame(this, error);
      this.dismiss('protocol-error', error.message);
    }
  }

  #wantsFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.link.flush();
      this.#tellUncommitted();
    });
  }

  #tellUncommitted(): void {
    if (!this.#closed) this.#options.uncommitted(this, this.link.session.uncommittedBytes);
  }

  #close(code: RefusalCode, message: string): void {
    const { ws } = this.#options;
    ws.close(...closeArguments(code, message));
    setTimeout(() => ws.terminate(), GOODBYE_MS).unref();
    this.#finish();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshake);
    this.#heartbeat.stop();
    this.link.disconnected();
    this.resume();
    this.#options.closed(this);
  }
}

import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import { WebSocket, WebSocketServer } from 'ws';
import { closeReason } from '../closing.ts';
import { OneLinePerCause } from '../log.ts';
import type { SyncServerOptions, SyncServerStatus, SyncServerTuning } from '../server-types.ts';

/** Not imported, for the reason told in runtime's ops-server. */
const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');

/**
 * Connections that the kernel completes before they are accepted; it takes net.core.somaxconn (4096) at most. After a restart all agents come within
 * seconds, and whoever finds no place is kept waiting by TCP for one second, then two, four …
 */
const BACKLOG = 16_384;
const SPEAK = 'This port speaks the Edgelog sync protocol over WebSocket; point an Edgelog agent at it.\n';

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * TCP, HTTP and the WebSocket handshake: whatever is no agent gets a clear answer and costs nobody else anything.
 * Rejects with EdgelogError ADDRESS_IN_USE.
 */
export async function listen(
  { host, port, log }: SyncServerOptions,
  tuning: SyncServerTuning,
  rejected: SyncServerStatus['rejected'],
  accept: (ws: WebSocket, socket: Socket) => void,
): Promise<Listener> {
  const complaints = new OneLinePerCause(log);
  const sockets = new Set<Socket>();
  const upgraded = new WeakSet<Socket>();
  const server = createServer(
    { headersTimeout: tuning.handshakeTimeoutMs, requestTimeout: tuning.handshakeTimeoutMs },
    (request, response) => {
      rejected.http++;
      complaints.warn('http', 'HTTP request on the sync port', remoteOf(request.socket), {
        request: `${request.method} ${request.url?.slice(0, 100)}`,
      });
      response.writeHead(426, { 'Content-Type': 'text/plain', Upgrade: 'websocket', Connection: 'close' });
      response.end(SPEAK);
    },
  );
  server.maxConnections = tuning.connectionsMax;
  server.on('connection', (socket) => {
    sockets.add(socket);
    // Node looks at idle connections twice a minute only; this holds to the moment.
    const timer = setTimeout(() => {
      if (upgraded.has(socket)) return;
      rejected.handshakeTimeout++;
      complaints.warn('handshake', 'no handshake on the sync port', remoteOf(socket), {});
      socket.destroy();
    }, tuning.handshakeTimeoutMs);
    socket.once('close', () => {
      clearTimeout(timer);
      sockets.delete(socket);
    });
  });
  server.on('clientError', (error: Error & { code?: string }, stream) => {
    const socket = stream as Socket;
    if (error.code !== 'ECONNRESET') {
      rejected.garbage++;
      complaints.warn('garbage', 'garbage on the sync port', remoteOf(socket), { problem: error.message });
    }
    if (socket.writable) socket.end(plainAnswer(400));
    setTimeout(() => socket.destroy(), 1_000).unref();
  });
  const sockServer = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: tuning.maxFrameBytes,
    skipUTF8Validation: true,
    WebSocket: class extends WebSocket {
      /** ws closes after an oversize message by itself, with the right code and no word. */
      override close(code?: number, data?: string | Buffer): void {
        const reason = code === 1009 ? closeReason(`a frame above ${tuning.maxFrameBytes} bytes`) : undefined;
        super.close(code, data ?? reason);
      }
    },
  });
  server.on('upgrade', (request, stream, head) => {
    const socket = stream as Socket;
    upgraded.add(socket);
    socket.setNoDelay(true);
    sockServer.handleUpgrade(request, socket, head, (ws) => accept(ws, socket));
  });
  await startListening(server, host, port);
  server.on('error', (error) => log.error('sync listener failed', { problem: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) if (!upgraded.has(socket)) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const remoteOf = (socket: Socket) => `${socket.remoteAddress}:${socket.remotePort}`;

const plainAnswer = (status: number) =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain\r\nContent-Length: ${SPEAK.length}\r\nConnection: close\r\n\r\n${SPEAK}`;

function startListening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error & { code?: string }) => {
      const inUse = cause.code === 'EADDRINUSE';
      const message = `sync address ${host}:${port}: ${inUse ? 'in use by another process' : cause.message}`;
      reject(new EdgelogError(inUse ? 'ADDRESS_IN_USE' : 'CONFIG_INVALID', message, { cause }));
    };
    server.once('error', failed);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { isOriginAllowed } from './origins.ts';
import { WebSocketStream } from './websocket-stream.ts';

/** Names that MQTT goes by, in order of preference; the second one is that of MQTT 3.1. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];

export interface WebSocketOptions {
  /** Of one message, however many frames it comes in: a longer one ends the connection when it is announced. */
  maxMessageBytes: number;
  /** Pages that may connect (`isOriginAllowed`). */
  origins: readonly string[];
  onSocket: (stream: WebSocketStream, request: IncomingMessage) => void;
  onFault: (remote: string, reason: string) => void;
}

/** Has an HTTP server take MQTT over WebSocket, on any path; whatever else is asked is told what the port is for. */
export function acceptWebSockets<S extends HttpServer>(server: S, options: WebSocketOptions): S {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxMessageBytes,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  sockets.on('wsClientError', (error, socket, request) => {
    options.onFault(remoteOf(request), error.message);
    if (socket.writable)
      socket.end(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n${error.message}\r\n`);
    else socket.destroy();
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const { origin, host } = request.headers;
    if (!isOriginAllowed(origin, host, options.origins)) {
      options.onFault(remoteOf(request), `pages of ${origin} are not among --mqtt-ws-origins`);
      socket.end(
        'HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nPages of this origin may not connect (mqttWsOrigins).\r\n',
      );
      return;
    }
    if (!offersMqtt(request)) {
      options.onFault(remoteOf(request), 'the client does not offer the subprotocol mqtt [MQTT-6.0.0-3]');
      socket.end(
        'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThe subprotocol must be mqtt [MQTT-6.0.0-3].\r\n',
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      options.onSocket(new WebSocketStream(webSocket, request.socket), request);
    });
  });
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
    response.end('This port speaks MQTT over WebSocket, subprotocol mqtt.\n');
  });
  return server;
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return SUBPROTOCOLS.some((name) => offered.includes(name));
}

function remoteOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

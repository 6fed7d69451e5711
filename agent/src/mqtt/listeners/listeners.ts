import type { IncomingMessage } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { assert, EdgelogError } from '@edgelog/base';
import type { Alarms } from '@edgelog/edge';
import { type Address, formatAddress, isLoopback, type Logger, listen, parseAddress } from '@edgelog/runtime';
import { LogLimiter } from '../../log-limiter.ts';
import { type MqttPeer, type MqttSocket, UNNAMED_PEER } from './peer.ts';
import { TlsKeeper } from './tls-keeper.ts';
import type { WebSocketStream } from './websocket-stream.ts';

/** Settings that say where devices may connect: plain, TLS, WebSocket, secure WebSocket. */
export interface ListenerSettings {
  mqtt: string;
  mqttTls?: string | undefined;
  mqttWs?: string | undefined;
  mqttWss?: string | undefined;
  /** Of pages whose scripts may connect over WebSocket; default none. */
  mqttWsOrigins?: readonly string[] | undefined;
  mqttTlsCert?: string | undefined;
  mqttTlsKey?: string | undefined;
  mqttTlsClientCa?: string | undefined;
  /** It has the certificate too, and looks after it by itself. */
  httpTls?: string | undefined;
}

export type ListenerName = 'mqtt' | 'mqtts' | 'ws' | 'wss';

export interface ListenersOptions {
  settings: ListenerSettings;
  /** Largest packet: no WebSocket message may be larger. */
  maxPacketBytes: number;
  onSocket: (socket: MqttSocket, peer: MqttPeer) => void;
  /** Clients are asked who they are. */
  hasUsers: boolean;
  alarms: Alarms;
  log: Logger;
}

export interface Listener {
  name: ListenerName;
  host: string;
  port: number;
}

export interface Listeners {
  readonly list: readonly Listener[];
  tls(): ReturnType<TlsKeeper['status']> | undefined;
  /** Accepts nobody any more; those who are connected stay. */
  close(): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** A device that lost its power says nothing more, and may have asked for no keep-alive of MQTT. */
const TCP_KEEP_ALIVE_MS = 60_000;
const HTTP_OPTIONS = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
  headersTimeout: HANDSHAKE_TIMEOUT_MS,
} as const;

/** Throws CONFIG_INVALID or ADDRESS_IN_USE, and then listens nowhere. */
export async function startListeners(options: ListenersOptions): Promise<Listeners> {
  const { settings, log } = options;
  const limiter = new LogLimiter(log);
  const servers: Server[] = [];
  const list: Listener[] = [];
  const tls = tlsOf(options);
  const close = () => {
    tls?.stop();
    for (const server of servers) server.close();
  };
  const onFault = (remote: string, reason: string) => limiter.warn('connection refused', { remote, reason });
  const start = async (name: ListenerName, setting: string, text: string | undefined) => {
    if (text === undefined) return;
    const address = parseAddress(text, setting);
    const server = await createListener(name, options, tls, onFault);
    servers.push(server);
    list.push({ name, host: address.host, port: await listen(server, address, setting) });
    server.on('error', (error) => log.error('MQTT listener failed', { listener: name, error }));
    warnWhereOpen(name, address, options);
  };
  try {
    await start('mqtt', '--mqtt', settings.mqtt);
    await start('mqtts', '--mqtt-tls', settings.mqttTls);
    await start('ws', '--mqtt-ws', settings.mqttWs);
    await start('wss', '--mqtt-wss', settings.mqttWss);
  } catch (error) {
    close();
    throw error;
  }
  return { list, tls: () => tls?.status(), close };
}

function tlsOf({ settings, alarms, log }: ListenersOptions): TlsKeeper | undefined {
  const { mqttTls, mqttWss, httpTls } = settings;
  const { mqttTlsCert: cert, mqttTlsKey: key, mqttTlsClientCa: clientCa } = settings;
  const isAsked = mqttTls !== undefined || mqttWss !== undefined;
  if (!isAsked) {
    const isUsed = httpTls !== undefined || (cert === undefined && key === undefined);
    if (isUsed && clientCa === undefined) return undefined;
    throw new EdgelogError(
      'CONFIG_INVALID',
      isUsed
        ? '--mqtt-tls-client-ca does nothing without --mqtt-tls or --mqtt-wss HOST:PORT'
        : '--mqtt-tls-cert, --mqtt-tls-key and --mqtt-tls-client-ca do nothing without --mqtt-tls, --mqtt-wss or --http-tls HOST:PORT',
    );
  }
  if (cert === undefined || key === undefined) {
    const asked = mqttTls === undefined ? '--mqtt-wss' : '--mqtt-tls';
    throw new EdgelogError('CONFIG_INVALID', `${asked} needs --mqtt-tls-cert FILE and --mqtt-tls-key FILE`);
  }
  return new TlsKeeper({ cert, key, clientCa }, 'mqtt', alarms, log);
}

async function createListener(
  name: ListenerName,
  { onSocket, maxPacketBytes, settings }: ListenersOptions,
  tls: TlsKeeper | undefined,
  onFault: (remote: string, reason: string) => void,
): Promise<Server> {
  if (name === 'mqtt') return createServer({ noDelay: true }, (socket) => onSocket(socket, UNNAMED_PEER));
  const web = {
    maxMessageBytes: maxPacketBytes,
    origins: settings.mqttWsOrigins ?? [],
    onSocket: (stream: WebSocketStream, { socket }: IncomingMessage) => onSocket(stream, peerOf(socket)),
    onFault,
  };
  const { acceptWebSockets } = await import('./websocket.ts');
  // An import would touch all its exports, and that of WebSocket loads an HTTP client which a start then waits for.
  const { createServer: createHttpServer } = process.getBuiltinModule('node:http');
  const { createServer: createHttpsServer } = process.getBuiltinModule('node:https');
  if (name === 'ws') return acceptWebSockets(createHttpServer(HTTP_OPTIONS), web);
  assert(tls !== undefined, `${name} has no certificate`);
  const secure = {
    ...tls.material,
    minVersion: 'TLSv1.2' as const,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    requestCert: tls.asksForClientCertificate,
    rejectUnauthorized: tls.asksForClientCertificate,
    noDelay: true,
  };
  const server =
    name === 'mqtts'
      ? createTlsServer(secure, (socket) => onSocket(socket, peerOf(socket)))
      : acceptWebSockets(createHttpsServer({ ...HTTP_OPTIONS, ...secure }), web);
  // Asked while it is connected, a socket remembers who is at the other end.
  const remotes = new WeakMap<object, string>();
  server.on('connection', (socket: Socket) =>
    remotes.set(socket, `${socket.remoteAddress}:${socket.remotePort}`),
  );
  server.on('tlsClientError', (error: Error & { reason?: string }, { _parent }: UnderTls) =>
    onFault((_parent && remotes.get(_parent)) ?? 'unknown', `TLS: ${error.reason ?? error.message}`),
  );
  tls.serve(server);
  return server;
}

/** A TLS socket that failed has no address any more; the one below it is the key to it. */
type UnderTls = TLSSocket & { _parent?: Socket | null };

function peerOf(socket: Socket): MqttPeer {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return UNNAMED_PEER;
  const name: unknown = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === 'string' ? { certificateName: name } : UNNAMED_PEER;
}

/** What is open to a network must be meant to be. */
function warnWhereOpen(name: ListenerName, address: Address, options: ListenersOptions): void {
  if (isLoopback(address.host)) return;
  const isSecure = name === 'mqtts' || name === 'wss';
  const at = `${name}=${formatAddress(address)}`;
  if (!options.hasUsers && !(isSecure && options.settings.mqttTlsClientCa !== undefined)) {
    options.alarms.raise(
      `open ${name}`,
      `whoever reaches ${at} may publish and subscribe; give --mqtt-users FILE, or bind to 127.0.0.1`,
    );
  } else if (!isSecure) {
    options.log.warn('passwords cross the network in the clear; use --mqtt-tls', { listener: at });
  }
}

import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Server as HttpsServer, ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { EdgelogError } from '@edgelog/base';
import { type Address, listen, parseAddress } from './address.ts';
import type { Logger } from './logger.ts';
import { isPieces, send, sendPieces } from './ops-response.ts';
import { refusalOf } from './request-guard.ts';

export interface OpsRequest {
  readonly url: URL;
  /** The parsed JSON body of a POST or PUT; undefined when there is none. Validate it: it is outside data. */
  readonly body: unknown;
  /** Of a route that ends in `/*`: what stands in the place of the star, decoded. */
  readonly rest: string;
  /** Aborted when whoever asked has gone, or the server ends. */
  readonly signal: AbortSignal;
}
export interface OpsResponse {
  /** Default 200. */
  readonly status?: number;
  /** A string is sent as it is, what can be iterated piece by piece as fast as it is taken, anything else as JSON. */
  readonly body: unknown;
  /** Default `application/json` */
  readonly contentType?: string;
  /** Further ones. With an `etag`, whoever has the same already is told so, in place of the body. */
  readonly headers?: Readonly<Record<string, string>>;
}
/** Throw EdgelogError CONFIG_INVALID or LIMIT_EXCEEDED for a body the caller got wrong: answered with 400. */
export type OpsHandler = (request: OpsRequest) => OpsResponse | Promise<OpsResponse>;

export interface OpsServerOptions {
  readonly address: string | Address;
  /** The setting a user changes when the address is taken. Default `--http`. */
  readonly setting?: string;
  /** A second listener that serves the same with TLS. */
  readonly secure?: SecureListener | undefined;
  /** Names under which requests come, besides those that `isOfThisNetwork` knows; asked with each request. */
  readonly hosts?: () => readonly string[];
  /** What is answered in the place of the route; undefined: whoever asks may. /healthz tells everybody whether all is well, and no more. */
  readonly authorize?: (request: IncomingMessage) => Promise<OpsResponse | undefined>;
  readonly health: () => { ok: boolean; reasons: string[] };
  /** Takes the parameters of the request. */
  readonly status: (parameters: URLSearchParams) => unknown;
  readonly metrics: () => string;
  readonly log: Logger;
  /** Further routes, keyed `METHOD /path` or `METHOD /path/*`. */
  readonly routes?: Readonly<Record<string, OpsHandler>>;
}
export interface SecureListener {
  readonly address: string;
  readonly setting: string;
  readonly tls: ServerOptions;
  /** Told of the server, so that it gets later certificates. */
  readonly onServer: (server: HttpsServer) => void;
}
export interface OpsServer {
  readonly port: number;
  readonly securePort: number | undefined;
  /** Ends what is under way: who may go on comes again. */
  dropConnections(): void;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000 };

/**
 * HTTP for operators: GET /healthz (200 or 503), /status (JSON), /metrics (Prometheus text), and the caller's routes. Throws
 * ADDRESS_IN_USE or CONFIG_INVALID, and then listens nowhere.
 */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { secure } = options;
  const onRequest = requestListener(options);
  const servers: (Server | HttpsServer)[] = [];
  const start = async (server: Server | HttpsServer, address: string | Address, setting: string) => {
    server.on('request', onRequest).on('clientError', refuseGarbage);
    const port = await listen(server, toAddress(address), setting);
    servers.push(server);
    return port;
  };
  const close = async () => void (await Promise.all(servers.map(closeServer)));
  // An import would touch all its exports, and that of WebSocket loads an HTTP client which a start then waits for.
  const plain = process.getBuiltinModule('node:http').createServer(TIMEOUTS);
  const port = await start(plain, options.address, options.setting ?? '--http');
  let securePort: number | undefined;
  if (secure !== undefined) {
    try {
      const server = process.getBuiltinModule('node:https').createServer({ ...TIMEOUTS, ...secure.tls });
      securePort = await start(server, secure.address, secure.setting);
      secure.onServer(server);
    } catch (error) {
      await close();
      throw error;
    }
  }
  const dropConnections = () => {
    for (const server of servers) server.closeAllConnections();
  };
  return { port, securePort, dropConnections, close };
}

function requestListener(options: OpsServerOptions): RequestListener {
  const { log, hosts, authorize } = options;
  const bound = [options.address, options.secure?.address ?? []].flat().map((one) => toAddress(one).host);
  const routes = new Map<string, OpsHandler>(Object.entries(options.routes ?? {}));
  routes.set('GET /healthz', () => {
    const health = options.health();
    return { status: health.ok ? 200 : 503, body: health };
  });
  routes.set('GET /status', ({ url }) => ({ body: options.status(url.searchParams) }));
  routes.set('GET /metrics', () => ({ body: options.metrics(), contentType: 'text/plain; version=0.0.4' }));

  const respond = async (request: IncomingMessage, signal: AbortSignal): Promise<OpsResponse> => {
    const refusal = refusalOf(request, [...bound, ...(hosts?.() ?? [])]) ?? (await authorize?.(request));
    if (refusal === undefined) return answer(routes, request, signal);
    if (!/^\/healthz(\?|$)/.test(request.url ?? '')) return refusal;
    const { ok } = options.health();
    return { status: ok ? 200 : 503, body: { ok } };
  };
  return (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    respond(request, gone.signal).then(
      (result) => {
        if (isPieces(result.body)) return sendPieces(request, response, result, result.body, log);
        send(request, response, result);
      },
      (error: unknown) => {
        if (!(error instanceof EdgelogError)) log.error('request failed', { url: request.url, error });
        const isCallers = error instanceof EdgelogError;
        send(request, response, {
          status: isCallers ? 400 : 500,
          body: { error: isCallers ? error.message : 'internal error; see the log' },
        });
      },
    );
  };
}

function refuseGarbage(_error: Error, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify({ error: 'this is not an HTTP request' });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function toAddress(address: string | Address): Address {
  return typeof address === 'string' ? parseAddress(address) : address;
}

async function answer(
  routes: Map<string, OpsHandler>,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<OpsResponse> {
  const url = URL.parse(request.url ?? '/', 'http://edgelog.invalid');
  if (url === null) return { status: 400, body: { error: 'the request target is not a URL' } };
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const found = routeOf(routes, method, url.pathname);
  if (found === undefined) {
    const allowed = [...new Set([...routes.keys()].map((key) => key.split(' ')[0]!))].filter(
      (other) => routeOf(routes, other, url.pathname) !== undefined,
    );
    if (allowed.length > 0) {
      return { status: 405, body: { error: `${url.pathname} takes ${allowed.join(', ')}, not ${method}` } };
    }
    const paths = [...new Set([...routes.keys()].map((key) => key.split(' ')[1]))].sort();
    return { status: 404, body: { error: `no such path: ${url.pathname}`, paths } };
  }
  const body = method === 'GET' ? undefined : await readJson(request);
  return await found.handler({ url, body, rest: found.rest, signal });
}

function routeOf(
  routes: ReadonlyMap<string, OpsHandler>,
  method: string,
  path: string,
): { handler: OpsHandler; rest: string } | undefined {
  const exact = routes.get(`${method} ${path}`);
  if (exact !== undefined) return { handler: exact, rest: '' };
  const slash = path.lastIndexOf('/');
  const handler = routes.get(`${method} ${path.slice(0, slash)}/*`);
  if (handler === undefined || slash === path.length - 1) return undefined;
  try {
    return { handler, rest: decodeURIComponent(path.slice(slash + 1)) };
  } catch {
    return undefined;
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > BODY_BYTES_MAX) {
      throw new EdgelogError('LIMIT_EXCEEDED', `the body is larger than ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return undefined;
  // Asking for this type makes a browser ask first, so that no web page can post here behind its user's back.
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    throw new EdgelogError('CONFIG_INVALID', 'the body must be sent as content-type: application/json');
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function closeServer(server: Server | HttpsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

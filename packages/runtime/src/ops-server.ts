import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { EdgelogError } from '@edgelog/base';
import { type Address, listen, parseAddress } from './address.ts';
import type { Logger } from './logger.ts';

/** An import would touch all its exports, and that of WebSocket loads an HTTP client which a start then waits for. */
const { createServer } = process.getBuiltinModule('node:http');

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
  readonly health: () => { ok: boolean; reasons: string[] };
  /** Takes the parameters of the request. */
  readonly status: (parameters: URLSearchParams) => unknown;
  readonly metrics: () => string;
  readonly log: Logger;
  /** Further routes, keyed `METHOD /path` or `METHOD /path/*`. */
  readonly routes?: Readonly<Record<string, OpsHandler>>;
}
export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;

/** HTTP for operators: GET /healthz (200 or 503), /status (JSON), /metrics (Prometheus text), and the caller's routes. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const { log } = options;
  const routes = new Map<string, OpsHandler>(Object.entries(options.routes ?? {}));
  routes.set('GET /healthz', () => {
    const health = options.health();
    return { status: health.ok ? 200 : 503, body: health };
  });
  routes.set('GET /status', ({ url }) => ({ body: options.status(url.searchParams) }));
  routes.set('GET /metrics', () => ({ body: options.metrics(), contentType: 'text/plain; version=0.0.4' }));

  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000 });
  server.on('request', (request, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    answer(routes, request, gone.signal).then(
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
  });
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return void socket.destroy();
    const body = JSON.stringify({ error: 'this is not an HTTP request' });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
  const address = typeof options.address === 'string' ? parseAddress(options.address) : options.address;
  const port = await listen(server, address, options.setting ?? '--http');
  return { port, close: () => closeServer(server) };
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

function isPieces(body: unknown): body is AsyncIterable<string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** What goes wrong behind the head ends the connection: a whole answer is one that has an end. */
async function sendPieces(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, headers }: OpsResponse,
  pieces: AsyncIterable<string>,
  log: Logger,
): Promise<void> {
  response.writeHead(status ?? 200, {
    'content-type': contentType ?? 'application/json',
    'cache-control': 'no-store',
    ...headers,
  });
  if (request.method === 'HEAD') return void response.end();
  response.flushHeaders();
  try {
    for await (const piece of pieces) {
      if (response.destroyed) return;
      if (!response.write(piece)) await drained(response);
    }
    response.end();
  } catch (error) {
    if (!response.destroyed) log.error('request failed', { url: request.url, error });
    response.destroy();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
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

function send(request: IncomingMessage, response: ServerResponse, result: OpsResponse): void {
  const text = typeof result.body === 'string' ? result.body : `${JSON.stringify(result.body)}\n`;
  // A body that was not read to its end would be taken for the next request.
  const close = request.complete ? {} : { connection: 'close' };
  const headers = { 'cache-control': 'no-store', ...result.headers, ...close };
  const tag = result.headers?.etag;
  if (tag !== undefined && request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(result.status ?? 200, {
    'content-type': result.contentType ?? 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

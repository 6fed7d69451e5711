import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from './logger.ts';
import type { OpsResponse } from './ops-server.ts';

/** A body that is sent as fast as it is taken. */
export function isPieces(body: unknown): body is AsyncIterable<string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** What goes wrong behind the head ends the connection: a whole answer is one that has an end. */
export async function sendPieces(
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

/** The whole answer at once; 304 for who has it already. */
export function send(request: IncomingMessage, response: ServerResponse, result: OpsResponse): void {
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

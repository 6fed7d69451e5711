import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { EtcdError, type EtcdOutcome } from '../error.ts';

/** Paths and PEM texts as in `tls.connect`; nothing is read from disk here. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name to expect in the members' certificates, where it is not the endpoint's host. */
  readonly serverName?: string;
}

export interface ExchangeOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** For the whole answer (`post`) or until its head (`open`). */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Single requests to single members over kept connections. Every failure is an `EtcdError` that says whether bytes of
 * the request may have left.
 */
export class Exchange {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: HttpsAgent;
  #closed = false;

  constructor(tls: TlsOptions) {
    const { ca, cert, key, serverName } = tls;
    this.#https = new HttpsAgent({
      keepAlive: true,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(serverName !== undefined && { servername: serverName }),
    });
  }

  /** Whole answer of whatever status. */
  async post(url: URL, body: string, options: ExchangeOptions): Promise<HttpAnswer> {
    const sent = this.#send(url, body, options);
    try {
      const response = await sent.response;
      return { status: response.statusCode!, text: await readAll(response, url) };
    } catch (error) {
      throw sent.failure(error);
    } finally {
      sent.settle();
    }
  }

  /** Head of an answer whose body goes on; destroy it to end the exchange. */
  async open(url: URL, body: string, options: ExchangeOptions): Promise<IncomingMessage> {
    const sent = this.#send(url, body, options);
    try {
      return await sent.response;
    } catch (error) {
      throw sent.failure(error);
    } finally {
      sent.settle();
    }
  }

  /** Breaks what is under way; what comes later is ABORTED. */
  close(): void {
    this.#closed = true;
    this.#http.destroy();
    this.#https.destroy();
  }

  #send(url: URL, body: string, options: ExchangeOptions): Sent {
    if (this.#closed) throw new EtcdError('ABORTED', 'notApplied', 'the client of etcd was closed');
    const secure = url.protocol === 'https:';
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      agent: secure ? this.#https : this.#http,
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    const sent = new Sent(request, url, secure, options);
    request.end(body);
    return sent;
  }
}

/** One request under way: knows whether its bytes may have left, and what ended it. */
class Sent {
  readonly response: Promise<IncomingMessage>;
  readonly settle: () => void;
  readonly #url: URL;
  #outcome: EtcdOutcome = 'notApplied';
  #ended: EtcdError | undefined;

  constructor(request: ClientRequest, url: URL, secure: boolean, { timeoutMs, signal }: ExchangeOptions) {
    this.#url = url;
    request.on('socket', (socket) => {
      const left = (): void => {
        this.#outcome = 'unknown';
      };
      if (request.reusedSocket) left();
      else socket.once(secure ? 'secureConnect' : 'connect', left);
    });
    this.response = new Promise((done, fail) => request.on('response', done).on('error', fail));
    const end = (reason: 'TIMEOUT' | 'ABORTED', what: string, cause?: unknown): void => {
      this.#ended = new EtcdError(reason, this.#outcome, `${where(url)} ${what}`, { cause });
      request.destroy(this.#ended);
    };
    const timer = setTimeout(
      () => end('TIMEOUT', `did not answer within ${Math.round(timeoutMs)} ms`),
      timeoutMs,
    );
    const abort = (): void => end('ABORTED', 'was not waited for', signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    this.settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    if (signal?.aborted) abort();
  }

  failure(error: unknown): EtcdError {
    if (this.#ended !== undefined) return this.#ended;
    if (error instanceof EtcdError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new EtcdError('UNAVAILABLE', this.#outcome, `${where(this.#url)}: ${message}`, { cause: error });
  }
}

/** A member and what was asked of it, for messages. */
export function where(url: URL): string {
  return `etcd ${url.host} ${url.pathname.replace(/^\/v3\//, '')}`;
}

/** The whole body as text. */
export async function readAll(response: IncomingMessage, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX)
      throw new EtcdError(
        'BAD_ANSWER',
        'unknown',
        `${where(url)} answered more than ${ANSWER_BYTES_MAX} bytes`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

import { randomInt } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import type { Address, Counter, Histogram, Logger, Metrics } from '@edgelog/runtime';
import {
  type Api,
  type ApiName,
  apiByKey,
  apis,
  decodeRequest,
  decodeRequestHeader,
  ErrorCode,
  encodeResponse,
} from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { ReadAhead } from '../fetch/read-ahead.ts';
import { FETCH_SESSION_LIMITS, FetchSessionCache } from '../fetch/session-cache.ts';
import { servedVersions } from '../handlers/18-api-versions.ts';
import { failures } from '../handlers/failures.ts';
import type { RequestContext } from '../handlers/handler.ts';
import { handlers } from '../handlers/index.ts';
import type { FramePool } from './frame-pool.ts';
import type { ResponseBytes } from './response-queue.ts';

/** Who sits at the other end of a connection. */
export interface Client {
  readonly remote: string;
  /** The address of ours that it connected to. */
  readonly local: Address;
  /** Address as Kafka writes it: `/127.0.0.1`. */
  readonly host: string;
  isClosed: boolean;
  /** Name and version, if the client told them in ApiVersions. */
  software: string | undefined;
  /** Called once when the connection is gone: what is parked for it is dropped. */
  readonly whenClosed: Set<() => void>;
}

type AnyHandler = (request: unknown, context: RequestContext) => unknown;
type AnyFailure = (request: unknown, errorCode: number) => unknown;

interface Served {
  readonly api: Api;
  readonly handle: AnyHandler;
  readonly failed: AnyFailure | undefined;
  readonly requests: Counter;
  readonly errors: Counter;
  readonly seconds: Histogram;
}

export interface DispatcherDeps {
  broker: Broker;
  log: Logger;
  metrics: Metrics;
}

/** From a frame to the bytes of its response: decodes, calls the API's handler, encodes. */
export class Dispatcher {
  readonly #broker: Broker;
  readonly #fetchSessions = new FetchSessionCache(FETCH_SESSION_LIMITS, () => randomInt(1, 2 ** 31));
  readonly #log: Logger;
  readonly #readAhead = new ReadAhead();
  readonly #served = new Map<number, Served>();
  readonly #receivedBytes: Counter;
  readonly #sentBytes: Counter;
  readonly #refused: Counter;

  constructor({ broker, log, metrics }: DispatcherDeps) {
    this.#broker = broker;
    this.#log = log;
    this.#receivedBytes = metrics.counter('edgelog_kafka_received_bytes_total', 'Bytes of Kafka requests.');
    this.#sentBytes = metrics.counter('edgelog_kafka_sent_bytes_total', 'Bytes of Kafka responses.');
    this.#refused = metrics.counter(
      'edgelog_kafka_bad_requests_total',
      'Connections closed because a request could not be understood.',
    );
    metrics.gauge(
      'edgelog_fetch_sessions',
      'Fetch sessions that are open.',
      () => this.#fetchSessions.sessionCount,
    );
    metrics.gauge(
      'edgelog_fetch_session_partitions',
      'Partitions in fetch sessions.',
      () => this.#fetchSessions.partitionCount,
    );
    metrics.counterFrom(
      'edgelog_fetch_session_evictions_total',
      'Fetch sessions that gave way to others.',
      () => this.#fetchSessions.evictionCount,
    );
    metrics.gauge(
      'edgelog_read_ahead_bytes',
      'Batches that were read for fetches to come.',
      () => this.#readAhead.heldBytes,
    );
    for (const name of Object.keys(apis) as ApiName[]) {
      const labels = { api: apis[name].name };
      this.#served.set(apis[name].key, {
        api: apis[name],
        handle: handlers[name] as AnyHandler,
        failed: failures[name] as AnyFailure | undefined,
        requests: metrics.counter('edgelog_kafka_requests_total', 'Kafka requests by API.', labels),
        errors: metrics.counter(
          'edgelog_kafka_failed_requests_total',
          'Requests whose handler failed.',
          labels,
        ),
        seconds: metrics.histogram('edgelog_kafka_request_seconds', 'From request to response.', labels),
      });
    }
  }

  /**
   * Phase one of a request, which ends when this returns; a promise is its phase two. Throws or rejects with an EdgelogError
   * when the request cannot be answered and the connection has to be closed. A handler that keeps nothing of the frame gives it back to
   * `memory`, and calls `released`, and may take from there what the response is made of: the caller gives that back when it is sent.
   */
  dispatch(
    frame: Buffer,
    client: Client,
    memory: FramePool,
    released: () => void,
  ): ResponseBytes | Promise<ResponseBytes> {
    const startedAt = performance.now();
    this.#receivedBytes.value += frame.length;
    const { apiKey, apiVersion, correlationId, clientId, bodyAt } = decodeRequestHeader(frame);
    const served = this.#find(apiKey);
    const { api } = served;
    served.requests.value += 1;
    const context: RequestContext = {
      broker: this.#broker,
      fetchSessions: this.#fetchSessions,
      readAhead: this.#readAhead,
      client,
      clientId,
      apiVersion,
      nowMs: Date.now(),
      releaseFrame: () => {
        memory.giveBack(frame);
        released();
      },
      responseMemory: memory,
    };
    if (!isServed(api, apiVersion)) {
      if (api !== apis.apiVersions) throw unsupportedVersion(api, apiVersion, clientId);
      const refusal = { errorCode: ErrorCode.UNSUPPORTED_VERSION, ...servedVersions };
      return encodeResponse(apis.apiVersions, 0, correlationId, refusal);
    }
    const request = decodeRequest(api, apiVersion, frame, bodyAt);
    const encode = (response: unknown): ResponseBytes =>
      response === undefined ? undefined : encodeResponse(api, apiVersion, correlationId, response as never);
    const fail = (error: unknown): ResponseBytes => {
      if (error instanceof EdgelogError && error.code === 'REFUSED') throw error;
      served.errors.value += 1;
      this.#log.error('request failed', {
        api: api.name,
        apiVersion,
        clientId,
        remote: client.remote,
        error,
      });
      if (served.failed === undefined) {
        throw new EdgelogError('CONNECTION_LOST', `${api.name} failed and has no error response`, {
          cause: error,
        });
      }
      return encode(served.failed(request, ErrorCode.UNKNOWN_SERVER_ERROR));
    };
    const observe = (bytes: ResponseBytes): ResponseBytes => {
      served.seconds.observe((performance.now() - startedAt) / 1000);
      return bytes;
    };
    try {
      const result = served.handle(request, context);
      if (!(result instanceof Promise)) return observe(encode(result));
      return result.then(encode).catch(fail).then(observe);
    } catch (error) {
      return observe(fail(error));
    }
  }

  /** Throws as `dispatch` would for any request of this API and version. */
  check(apiKey: number, apiVersion: number): void {
    const { api } = this.#find(apiKey);
    if (!isServed(api, apiVersion) && api !== apis.apiVersions) throw unsupportedVersion(api, apiVersion);
  }

  #find(apiKey: number): Served {
    const served = this.#served.get(apiKey);
    if (served !== undefined) return served;
    const name = apiByKey(apiKey)?.name ?? 'unknown API';
    throw new EdgelogError('UNSUPPORTED_VERSION', `API key ${apiKey} (${name}) is not served here`);
  }

  countSent(bytes: number): void {
    this.#sentBytes.value += bytes;
  }

  countRefused(): void {
    this.#refused.value += 1;
  }
}

function isServed({ versions: [min, max] }: Api, version: number): boolean {
  return version >= min && version <= max;
}

/** `clientId` is left out where it has not come yet. */
function unsupportedVersion(api: Api, version: number, clientId?: string | null): EdgelogError {
  const [min, max] = api.versions;
  const from = clientId === undefined ? '' : ` from client ${JSON.stringify(clientId)}`;
  return new EdgelogError(
    'UNSUPPORTED_VERSION',
    `${api.name} version ${version}${from}; this broker answers ${min} to ${max}`,
  );
}

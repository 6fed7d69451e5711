import type { ApiName, Handlers, ResponseOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import type { ReadAhead } from '../fetch/read-ahead.ts';
import type { FetchSessionCache } from '../fetch/session-cache.ts';
import type { Client } from '../net/dispatcher.ts';
import type { FramePool } from '../net/frame-pool.ts';

export interface RequestContext {
  readonly broker: Broker;
  readonly fetchSessions: FetchSessionCache;
  readonly readAhead: ReadAhead;
  readonly client: Client;
  readonly clientId: string | null;
  readonly apiVersion: number;
  /** When the request came, epoch milliseconds. */
  readonly nowMs: number;
  /**
   * Says that nobody looks at the request's buffers any more, at most once, for a handler of large requests: before it waits for anything
   * but the local disk, since other requests wait for that memory, those of followers among them.
   */
  releaseFrame(): void;
  /** Memory for batches in the response, used again once that is sent; nobody else may keep it. */
  readonly responseMemory: Pick<FramePool, 'take' | 'giveBack'>;
}

/**
 * What runs before the first `await` is phase one, done before the connection's next request is read; the promise is phase two.
 * Throwing EdgelogError REFUSED closes the connection; anything else thrown is a bug and answered UNKNOWN_SERVER_ERROR.
 */
export type Handler<N extends ApiName> = Handlers<RequestContext>[N];

/** Element type of a response's list. */
export type Item<N extends ApiName, K extends keyof ResponseOf<N>> =
  NonNullable<ResponseOf<N>[K]> extends readonly (infer E)[] ? E : never;

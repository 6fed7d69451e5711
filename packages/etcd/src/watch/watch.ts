import { anyAnswer, type KeyValue, type WatchMessage } from '../answers.ts';
import { EtcdError } from '../error.ts';
import type { Caller, OpenStream } from '../http/caller.ts';
import { describeRange, type KeyRange, rangeFields } from '../keys.ts';
import { cancelReasonOf } from '../refusal.ts';
import { WatchCursor, type WatchUpdate } from './cursor.ts';
import { watchMessages } from './stream.ts';

export interface WatchOptions {
  /** Hand over changes after this revision; without it the watch begins with the whole range. */
  readonly after?: number;
  /** What each key held before, where etcd still has it. */
  readonly prev?: boolean;
  /** Ends the iteration, as closing the client does. */
  readonly signal?: AbortSignal;
  /** Told of every break; the watch goes on by itself. */
  readonly onBreak?: (error: EtcdError) => void;
}

/** What a watch needs of the client. */
export interface WatchCalls {
  readonly caller: Caller;
  /** Silence after which the member is asked whether it is alive and up to date. */
  readonly idleMs: number;
  list(
    range: KeyRange,
    signal: AbortSignal | undefined,
  ): Promise<{ revision: number; kvs: readonly KeyValue[] }>;
}

/** Nothing that waiting or another member could mend. */
const FATAL: ReadonlySet<string> = new Set([
  'TOKEN_INVALID',
  'LOGIN_FAILED',
  'PERMISSION_DENIED',
  'REFUSED',
  'WRONG_CLUSTER',
]);
/** 3.4 calls it a lack of permission when a watch comes with a token that it forgot. */
const LOGIN_MAY_HELP: ReadonlySet<string> = new Set(['TOKEN_INVALID', 'PERMISSION_DENIED']);

/**
 * Updates of a range for ever: every revision that changes it, whole, once, in order; across members' deaths, lost quorum
 * and compaction. Throws only what nobody but an operator can mend.
 */
export function watch(
  calls: WatchCalls,
  range: KeyRange,
  options: WatchOptions,
): AsyncGenerator<WatchUpdate, void, void> {
  return new RangeWatch(calls, range, options).updates();
}

class RangeWatch {
  readonly #calls: WatchCalls;
  readonly #range: KeyRange;
  readonly #options: WatchOptions;
  readonly #cursor: WatchCursor;
  #mayLogIn = true;

  constructor(calls: WatchCalls, range: KeyRange, options: WatchOptions) {
    this.#calls = calls;
    this.#range = range;
    this.#options = options;
    this.#cursor = new WatchCursor(options.after);
  }

  async *updates(): AsyncGenerator<WatchUpdate, void, void> {
    const { signal, onBreak } = this.#options;
    while (!signal?.aborted) {
      const step = this.#cursor.next();
      try {
        if (step.kind === 'list') {
          const { revision, kvs } = await this.#calls.list(this.#range, signal);
          yield this.#cursor.listed(revision, kvs);
        } else {
          yield* this.#follow(step.startRevision);
        }
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        if (error.reason === 'ABORTED' || signal?.aborted) return;
        const loggingIn = LOGIN_MAY_HELP.has(error.reason) && this.#mayLogIn;
        if (FATAL.has(error.reason) && !loggingIn) throw error;
        if (loggingIn) this.#mayLogIn = false;
        onBreak?.(error);
      }
    }
  }

  /** One stream at one member. Returns when the whole range is to be read, throws what broke the stream. */
  async *#follow(startRevision: number): AsyncGenerator<WatchUpdate, void, void> {
    const { signal } = this.#options;
    const { caller, idleMs } = this.#calls;
    const stream = await caller.open('watch', this.#request(startRevision), signal);
    const { url, startedAt, response } = stream;
    const abort = (): void => void response.destroy();
    response.on('error', () => {}); // whoever reads is told; nobody may be reading
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    const what = `etcd ${url.host} watch of ${describeRange(this.#range)}`;
    try {
      const probe = (): Promise<void> => this.#probe(stream);
      for await (const message of watchMessages(response, what, idleMs, probe)) {
        if (message.canceled && message.compact_revision === 0) throw this.#refusal(what, message, stream);
        const { updates, fate } = this.#cursor.received(message);
        yield* updates;
        if (fate === 'list') return;
        if (fate === 'disorder') throw new EtcdError('BAD_ANSWER', 'notApplied', `${what} went back`);
        if (message.created) await this.#created(message, stream);
        else caller.succeeded(url, startedAt);
      }
    } catch (error) {
      const fault = error instanceof EtcdError ? error : brokenStream(what, error);
      if (!signal?.aborted) caller.failed(url, startedAt, fault);
      throw fault;
    } finally {
      signal?.removeEventListener('abort', abort);
      response.destroy();
    }
  }

  #request(startRevision: number): object {
    return {
      create_request: {
        ...rangeFields(this.#range),
        start_revision: String(startRevision),
        progress_notify: true,
        prev_kv: this.#options.prev,
        fragment: true,
      },
    };
  }

  /** No success of the member yet: without quorum etcd 3.4 says this too, and then that it has no leader. */
  async #created(message: WatchMessage, stream: OpenStream): Promise<void> {
    this.#mayLogIn = true;
    const lagsOrHasAnotherHistory = message.header.revision < this.#cursor.revision;
    if (lagsOrHasAnotherHistory) await this.#probe(stream);
  }

  /**
   * A member that was stopped, or cut off from us without a word, keeps its stream open and silent. A linearizable read by
   * the same member shows that it is alive and has applied all that was committed.
   */
  async #probe(stream: OpenStream): Promise<void> {
    const known = this.#cursor.revision;
    const { header } = await this.#calls.caller.callAt(stream.url, {
      path: 'kv/range',
      body: { ...rangeFields(this.#range), limit: '1', keys_only: true },
      answer: anyAnswer,
      effect: 'none',
    });
    if (this.#cursor.observed(header.revision, known))
      throw new EtcdError(
        'UNAVAILABLE',
        'notApplied',
        `etcd is at revision ${header.revision}, was at ${known}`,
      );
  }

  #refusal(what: string, message: WatchMessage, stream: OpenStream): EtcdError {
    const reason = cancelReasonOf(message.cancel_reason);
    if (LOGIN_MAY_HELP.has(reason)) this.#calls.caller.tokenRefused(stream.headers);
    return new EtcdError(reason, 'notApplied', `${what} was cancelled: ${message.cancel_reason}`);
  }
}

function brokenStream(what: string, cause: unknown): EtcdError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new EtcdError('UNAVAILABLE', 'notApplied', `${what} broke: ${message}`, { cause });
}

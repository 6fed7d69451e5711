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
export async function* watch(
  calls: WatchCalls,
  range: KeyRange,
  options: WatchOptions,
): AsyncGenerator<WatchUpdate, void, void> {
  const { signal, onBreak } = options;
  const cursor = new WatchCursor(options.after);
  let mayLogIn = true;
  while (!signal?.aborted) {
    const step = cursor.next();
    try {
      if (step.kind === 'list') {
        const { revision, kvs } = await calls.list(range, signal);
        yield cursor.listed(revision, kvs);
      } else {
        const begun = (): void => {
          mayLogIn = true;
        };
        yield* follow(calls, range, options, cursor, step.startRevision, begun);
      }
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.reason === 'ABORTED' || signal?.aborted) return;
      const loggingIn = LOGIN_MAY_HELP.has(error.reason) && mayLogIn;
      if (FATAL.has(error.reason) && !loggingIn) throw error;
      if (loggingIn) mayLogIn = false;
      onBreak?.(error);
    }
  }
}

/** One stream at one member. Returns when the cursor has something else to do, throws what broke it. */
async function* follow(
  calls: WatchCalls,
  range: KeyRange,
  options: WatchOptions,
  cursor: WatchCursor,
  startRevision: number,
  begun: () => void,
): AsyncGenerator<WatchUpdate, void, void> {
  const { caller } = calls;
  const { signal } = options;
  const request = {
    ...rangeFields(range),
    start_revision: String(startRevision),
    progress_notify: true,
    prev_kv: options.prev,
    fragment: true,
  };
  const stream = await caller.open('watch', { create_request: request }, signal);
  const { url, startedAt, response } = stream;
  const what = `etcd ${url.host} watch of ${describeRange(range)}`;
  const abort = (): void => void response.destroy();
  response.on('error', () => {}); // whoever reads is told; nobody may be reading
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const probe = (): Promise<void> => probeMember(calls, range, cursor, stream);
    for await (const message of watchMessages(response, what, calls.idleMs, probe)) {
      if (message.canceled && message.compact_revision === 0)
        throw refusedWatch(what, message, caller, stream);
      const { updates, fate } = cursor.received(message);
      yield* updates;
      if (fate === 'list') return;
      if (fate === 'disorder') throw new EtcdError('BAD_ANSWER', 'notApplied', `${what} went back`);
      if (message.created) begun();
      caller.succeeded(url, startedAt);
    }
  } catch (error) {
    const fault = error instanceof EtcdError ? error : brokenStream(what, error);
    caller.failed(url, startedAt, fault);
    throw fault;
  } finally {
    signal?.removeEventListener('abort', abort);
    response.destroy();
  }
}

/**
 * A member that was stopped, or cut off from us without a word, keeps its stream open and silent. A linearizable read by
 * the same member shows that it is alive and has applied all that was committed.
 */
async function probeMember(
  calls: WatchCalls,
  range: KeyRange,
  cursor: WatchCursor,
  stream: OpenStream,
): Promise<void> {
  const known = cursor.revision;
  const { header } = await calls.caller.callAt(stream.url, {
    path: 'kv/range',
    body: { ...rangeFields(range), limit: '1', keys_only: true },
    answer: anyAnswer,
    effect: 'none',
  });
  if (cursor.observed(header.revision, known))
    throw new EtcdError(
      'UNAVAILABLE',
      'notApplied',
      `etcd is at revision ${header.revision}, was at ${known}`,
    );
}

function refusedWatch(what: string, message: WatchMessage, caller: Caller, stream: OpenStream): EtcdError {
  const reason = cancelReasonOf(message.cancel_reason);
  if (LOGIN_MAY_HELP.has(reason)) caller.tokenRefused(stream.headers);
  return new EtcdError(reason, 'notApplied', `${what} was cancelled: ${message.cancel_reason}`);
}

function brokenStream(what: string, cause: unknown): EtcdError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new EtcdError('UNAVAILABLE', 'notApplied', `${what} broke: ${message}`, { cause });
}

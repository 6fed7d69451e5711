import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { Endpoints } from '../endpoints.ts';
import { EtcdError, type EtcdOutcome, type EtcdReason } from '../error.ts';
import { parseJson, refusalOf } from '../refusal.ts';
import { type Exchange, type ExchangeOptions, readAll, where } from './exchange.ts';
import type { Login } from './login.ts';

/**
 * What a call does to the store, so whether it may be sent again when its fate is unknown: `none` and `idempotent` may,
 * `once` may not.
 */
export type Effect = 'none' | 'idempotent' | 'once';

export interface CallLimits {
  /** For all attempts together. */
  readonly timeoutMs?: number | undefined;
  /** For each attempt that may be repeated. */
  readonly attemptTimeoutMs?: number | undefined;
  /** After this, other calls go to another member, while this one's answer is still waited for. */
  readonly slowAfterMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Call<Answer extends z.ZodType> extends CallLimits {
  /** Below `/v3/`. */
  readonly path: string;
  readonly body: object;
  readonly answer: Answer;
  readonly effect: Effect;
  /** Served by a member that has no leader, from what it knows. */
  readonly serializable?: boolean | undefined;
}

export interface CallerOptions {
  readonly exchange: Exchange;
  readonly endpoints: Endpoints;
  readonly login: Login;
  readonly now: () => number;
  /** Where a call says nothing else. */
  readonly timeoutMs: number;
  readonly attemptTimeoutMs: number;
}

/** One attempt at one member that has ended. */
export interface CallEnd {
  /** Below `/v3/`. */
  readonly path: string;
  readonly tookMs: number;
  /** Undefined for one that was answered. */
  readonly fault: EtcdReason | undefined;
}

export interface OpenStream {
  readonly url: URL;
  readonly startedAt: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly response: IncomingMessage;
}

type Headed = z.ZodType<{ header?: { cluster_id: string } | undefined }>;

/** Faults of a member or the way to it: another member may do better. */
const ELSEWHERE: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'BAD_ANSWER']);

/** Calls with members to choose from: rotation, repeats, login, and one cluster only. */
export class Caller {
  readonly #options: CallerOptions;
  #clusterId: string | undefined;
  readonly #whenEnded = new Set<(call: CallEnd) => void>();

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Monotonic ms. */
  now(): number {
    return this.#options.now();
  }

  onCall(listener: (call: CallEnd) => void): void {
    this.#whenEnded.add(listener);
  }

  /** Asks members in turn until one answers, for as long as that cannot do the work twice. */
  async call<Answer extends Headed>(call: Call<Answer>): Promise<z.output<Answer>> {
    const { timeoutMs = this.#options.timeoutMs, attemptTimeoutMs = this.#options.attemptTimeoutMs } = call;
    const deadline = this.now() + timeoutMs;
    let outcome: EtcdOutcome = 'notApplied';
    let last: EtcdError | undefined;
    let mayLogIn = true;
    for (;;) {
      const url = await this.#member(deadline, call.signal);
      const remaining = Math.max(1, deadline - this.now());
      const wholeMs = call.effect === 'once' ? timeoutMs : attemptTimeoutMs;
      try {
        return await this.callAt(url, { ...call, timeoutMs: Math.min(remaining, wholeMs) });
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        if (error.outcome === 'unknown' && call.effect !== 'none') outcome = 'unknown';
        const loggingIn = error.reason === 'TOKEN_INVALID' && mayLogIn;
        if (loggingIn) mayLogIn = false;
        const mayRepeat = call.effect !== 'once' || outcome === 'notApplied';
        const elsewhere = ELSEWHERE.has(error.reason) && mayRepeat && this.now() < deadline;
        // An attempt that was cut short by the call's end says less than the one before.
        if (last === undefined || error.reason !== 'TIMEOUT' || remaining >= wholeMs) last = error;
        if (!loggingIn && !elsewhere) throw withOutcome(last, outcome);
      }
    }
  }

  /** One attempt at one member within `timeoutMs`. */
  async callAt<Answer extends Headed>(url: URL, call: Call<Answer>): Promise<z.output<Answer>> {
    const { timeoutMs = this.#options.attemptTimeoutMs, slowAfterMs, signal, serializable } = call;
    const startedAt = this.now();
    const isSlow = (): void => this.#options.endpoints.failed(url, startedAt, this.now());
    const slowTimer = slowAfterMs === undefined ? undefined : setTimeout(isSlow, slowAfterMs);
    try {
      const headers = await this.#headers(url, timeoutMs, serializable);
      const answer = await this.#ask(url, { ...call, headers, timeoutMs, signal });
      this.#checkCluster(url, answer.header?.cluster_id);
      this.#options.endpoints.succeeded(url, startedAt);
      this.#ended(call.path, startedAt, undefined);
      return answer;
    } catch (error) {
      this.failed(url, startedAt, error);
      if (error instanceof EtcdError) this.#ended(call.path, startedAt, error.reason);
      throw error;
    } finally {
      clearTimeout(slowTimer);
    }
  }

  /** Sends a request whose answer goes on for ever, to the member whose turn it is. */
  async open(path: string, body: object, signal: AbortSignal | undefined): Promise<OpenStream> {
    const timeoutMs = this.#options.attemptTimeoutMs;
    const url = await this.#member(this.now() + timeoutMs, signal);
    const startedAt = this.now();
    try {
      const headers = await this.#headers(url, timeoutMs);
      const target = new URL(`v3/${path}`, url);
      const response = await this.#options.exchange.open(target, JSON.stringify(body), {
        headers,
        timeoutMs,
        signal,
      });
      if (response.statusCode !== 200)
        throw this.#refusal(await readAll(response, target), where(target), headers);
      return { url, startedAt, headers, response };
    } catch (error) {
      this.failed(url, startedAt, error);
      throw error;
    }
  }

  #ended(path: string, startedAt: number, fault: EtcdReason | undefined): void {
    const tookMs = this.now() - startedAt;
    for (const listener of this.#whenEnded) listener({ path, tookMs, fault });
  }

  /** The member whose turn it is, once it may be asked again. */
  async #member(deadline: number, signal: AbortSignal | undefined): Promise<URL> {
    const { url, waitMs } = this.#options.endpoints.pick(this.now());
    if (waitMs <= 0) return url;
    const remaining = deadline - this.now();
    try {
      await delay(Math.max(0, Math.min(waitMs, remaining)), undefined, signal && { signal });
    } catch (cause) {
      throw new EtcdError('ABORTED', 'notApplied', 'the call of etcd was not waited for', { cause });
    }
    return url;
  }

  /** Notes a fault of a member, if `error` is one. */
  failed(url: URL, startedAt: number, error: unknown): void {
    if (error instanceof EtcdError && ELSEWHERE.has(error.reason))
      this.#options.endpoints.failed(url, startedAt, this.now());
  }

  succeeded(url: URL, startedAt: number): void {
    this.#options.endpoints.succeeded(url, startedAt);
  }

  /** Whether to try again with a new token after `headers` were refused. */
  tokenRefused(headers: Readonly<Record<string, string>>): boolean {
    return this.#options.login.refused(headers);
  }

  async #ask<Answer extends Headed>(
    url: URL,
    request: Pick<Call<Answer>, 'path' | 'body' | 'answer'> & ExchangeOptions,
  ): Promise<z.output<Answer>> {
    const target = new URL(`v3/${request.path}`, url);
    const { status, text } = await this.#options.exchange.post(target, JSON.stringify(request.body), request);
    if (status !== 200) throw this.#refusal(text, where(target), request.headers);
    const answer = request.answer.safeParse(parseJson(text));
    if (answer.success) return answer.data;
    const message = `${where(target)} answered ${text.slice(0, 200)}`;
    throw new EtcdError('BAD_ANSWER', 'unknown', message, { cause: answer.error });
  }

  /** A login serves all calls that wait for it, so no one call's signal ends it. */
  async #headers(url: URL, timeoutMs: number, serializable = false): Promise<Record<string, string>> {
    const token = await this.#options.login.headers((path, body, answer) =>
      this.#ask(url, { path, body, answer, headers: WITH_LEADER, timeoutMs, signal: undefined }),
    );
    return serializable ? token : { ...token, ...WITH_LEADER };
  }

  #refusal(text: string, what: string, headers: Readonly<Record<string, string>>): EtcdError {
    const error = refusalOf(text, what);
    if (error.reason === 'TOKEN_INVALID') this.tokenRefused(headers);
    return error;
  }

  #checkCluster(url: URL, clusterId: string | undefined): void {
    if (clusterId === undefined) return;
    this.#clusterId ??= clusterId;
    if (clusterId !== this.#clusterId) {
      const message = `${url.host} belongs to etcd cluster ${clusterId}, another endpoint to ${this.#clusterId}`;
      throw new EtcdError('WRONG_CLUSTER', 'unknown', message);
    }
  }
}

/** Without this header a member that has lost its leader keeps a call for some 7 s, and a watch silently for ever. */
const WITH_LEADER = { 'grpc-metadata-hasleader': 'true' };

function withOutcome(error: EtcdError, outcome: EtcdOutcome): EtcdError {
  if (error.outcome === outcome) return error;
  return new EtcdError(error.reason, outcome, error.message, { cause: error.cause });
}

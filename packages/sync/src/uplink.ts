import { backoffMs, EdgelogError, OutageReasons, TokenBucket } from '@edgelog/base';
import type { UplinkConnection } from './agent/connection.ts';
import type { Retry } from './agent/events.ts';
import { AgentLink } from './agent/link.ts';
import { ReadMemory } from './agent/read-memory.ts';
import { streamStatuses } from './agent/status.ts';
import { overWebSocket } from './agent/web-socket.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import type { RefusalCode } from './ports.ts';
import type {
  Route,
  Uplink,
  UplinkLimits,
  UplinkOptions,
  UplinkState,
  UplinkStatus,
  UplinkTuning,
} from './uplink-types.ts';

/** Of the cap on bytes per second: half a second's worth at once, no timer for less than 10 ms. */
const CAP = { burstSeconds: 0.5, leastWaitMs: 10 };
const DEFAULTS: UplinkTuning = {
  backoffMinMs: 250,
  backoffMaxMs: 10_000,
  refusedBackoffMs: 60_000,
  connectTimeoutMs: 10_000,
  pingIntervalMs: 5_000,
  missedPingsMax: 2,
  readWindowBytes: 256 * 1024,
  turnBytes: 512 * 1024,
  bufferedBytesMax: 1024 * 1024,
  maxFrameBytes: MAX_FRAME_BYTES,
  moveAfterMs: 5_000,
  refusedRetryMs: 60_000,
  hubTimeEveryMs: 600_000,
};

/** How often the time doubles after which a broker that cannot take a stream is left, where none can: of those that take others, and of those that do not. */
const MOVE_DOUBLINGS_MAX = { some: 6, none: 2 };
/** How long one of several URLs has for the handshake in the first round; doubles with each. */
const CONNECT_TIMEOUT_MS_WITH_OTHERS = 3_000;

/** Streams that could not be taken wait 200 ms at least. */
const TICK_MS = 250;
const DIVERGENCES_KEPT = 50;
/** After so long it is asked anew when the upload window changes. */
const WINDOW_KNOWN_MS = 60 * 60_000;
const SETTLED_AFTER_MS = 5_000;

/** Keeps one session with a hub, for ever: connects, resumes, sends, reconnects. Returns at once. */
export function startUplink(options: UplinkOptions): Uplink {
  if (options.urls.length === 0) throw new EdgelogError('CONFIG_INVALID', 'no hub URL is given');
  if (options.connect === undefined) for (const url of options.urls) checkUrl(url);

  return new UplinkShell(options);
}

function checkUrl(url: string): void {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `hub URL "${url}": ws://HOST:PORT or wss://HOST:PORT is allowed`,
    );
  }
}

interface Totals {
  sentBatches: number;
  sentBytes: number;
  ackedBatches: number;
  ackedBytes: number;
}

class UplinkShell implements Uplink {
  readonly #options: UplinkOptions;
  readonly #tuning: UplinkTuning;
  /** Gateways begin with different ones, so that the brokers share them. */
  readonly #urls: readonly string[];
  #limits: UplinkLimits;
  #bucket: TokenBucket | undefined;
  #bucketTimer: NodeJS.Timeout | undefined;
  /** Whether the upload window is open, until when that is known. */
  #window: { isOpen: boolean; changesAt: number | undefined; asOf: number } | undefined;
  #isCongested = false;
  readonly #restarting = new Set<number>();
  readonly #ticker: NodeJS.Timeout;
  readonly #memory = new ReadMemory();
  readonly #reasons = new OutageReasons();
  #connection: UplinkConnection | undefined;
  #link: AgentLink | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #notified = false;
  #attempt = 0;
  /** Sessions in a row that ended while a stream could not be taken. */
  #moves = 0;
  #movedFrom: keyof typeof MOVE_DOUBLINGS_MAX = 'none';
  #greetedAt = 0;
  #hubTimeToldAt = 0;
  #retry: Retry = 'soon';
  /** Of the sessions that are over. */
  #past: Totals = { sentBatches: 0, sentBytes: 0, ackedBatches: 0, ackedBytes: 0 };
  #status: Pick<
    UplinkStatus,
    | 'state'
    | 'since'
    | 'url'
    | 'via'
    | 'hubId'
    | 'lastError'
    | 'refusal'
    | 'hubClockOffsetMs'
    | 'roundTripMs'
    | 'lastAckAt'
    | 'connections'
    | 'divergences'
  >;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#urls = shuffled(options.urls);
    this.#tuning = { ...DEFAULTS, ...options.tuning };
    const { maxBytesPerSecond, windows } = options;
    this.#limits = { maxBytesPerSecond, windows };
    this.#bucket = bucketOf(this.#limits);
    this.#status = {
      state: 'paused',
      since: Date.now(),
      url: undefined,
      via: undefined,
      hubId: undefined,
      lastError: undefined,
      refusal: undefined,
      hubClockOffsetMs: undefined,
      roundTripMs: undefined,
      lastAckAt: undefined,
      connections: 0,
      divergences: [],
    };
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    if (options.paused !== true) this.#connect();
  }

  notify(): void {
    this.#notified = true;
    this.#schedule();
  }

  setPaused(paused: boolean): void {
    const { state } = this.#status;
    if (state === 'stopped' || paused === (state === 'paused')) return;
    if (!paused) {
      this.#attempt = 0;
      this.#connect();
      return;
    }
    this.#enter('paused');
    clearTimeout(this.#retryTimer);
    this.#connection?.cut('paused');
  }

  setLimits(limits: UplinkLimits): void {
    this.#limits = limits;
    this.#bucket = bucketOf(limits);
    this.#window = undefined;
    this.#schedule();
  }

  status(): UplinkStatus {
    const session = this.#link?.session;
    const totals = this.#totals();
    return {
      ...this.#status,
      divergences: [...this.#status.divergences],
      ackMs: session?.pace.rttMs,
      isCongested: session !== undefined && this.#isCongested,
      maxBytesPerSecond: this.#limits.maxBytesPerSecond,
      window: this.#windowStatus(),

      inFlightBytes: session?.inFlightBytes ?? 0,
      creditBytes: session?.credit ?? 0,
      ...totals,
      streams: session === undefined ? [] : streamStatuses(session),
    };
  }

  isOpenFor(priority: number): boolean {
    return this.#status.state === 'live' && priority >= this.#leastPriority();
  }

  isCongestedFor(priority: number): boolean {
    const queue = this.#link?.session.sendQueue;
    return queue !== undefined && this.#isCongested && !queue.isPassedBy({ priority, isBacklog: false });
  }

  async stop(): Promise<void> {
    this.#enter('stopped');
    clearInterval(this.#ticker);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#bucketTimer);
    clearImmediate(this.#turn);
    this.#connection?.close('shutting-down', 'the agent stops');
  }

  #connect(): void {
    const { port, log, connect = overWebSocket } = this.#options;
    const url = this.#urls[this.#status.connections % this.#urls.length]!;
    this.#status.url = url;
    this.#status.connections++;
    this.#enter('connecting');
    this.#retry = 'soon';
    const connectTimeoutMs = this.#connectTimeoutMs();
    const route = this.#route(url);
    if (route === undefined) return;
    this.#status.via = route.via;
    const tuning = { ...this.#tuning, connectTimeoutMs };
    const connection = connect(url, route, tuning, {
      open: () => {
        this.#enter('greeting');
        this.#greetedAt = performance.now();
        link.connected();
      },
      frame: (frame) => {
        const { ackedBatches } = link.session;
        link.receive(frame);
        if (link.session.ackedBatches !== ackedBatches) this.#status.lastAckAt = Date.now();
        this.#schedule();
      },
      roundTrip: (ms) => {
        this.#status.roundTripMs = ms;
      },
      hubTime: (ms) => this.#heardHubTime(ms),
      drained: () => this.#schedule(),
      closed: (reason) => this.#closed(link, reason),
    });
    const link = new AgentLink({
      port,
      log,
      now: () => Math.round(performance.now()),
      wallMs: Date.now,
      maxFrameBytes: this.#tuning.maxFrameBytes,
      moveAfterMs: this.#urls.length > 1 ? this.#moveAfterMs() : undefined,
      refusedRetryMs: this.#tuning.refusedRetryMs,
      restarting: this.#restarting,
      memory: connection.copiesBatches === true ? this.#memory : connection.memory,
      send: (frame) => connection.send(frame),
      welcomed: (hub) => this.#welcomed(hub, connection.hasHubClock),
      end: (retry, code, message) => this.#ended(connection, retry, code, message),
      diverged: (run, reason) => {
        const { divergences } = this.#status;
        divergences.push({ topic: run.topic, logId: run.logId, reason, at: Date.now() });
        if (divergences.length > DIVERGENCES_KEPT) divergences.shift();
      },
      changed: () => this.notify(),
    });
    this.#connection = connection;
    this.#link = link;
  }

  /** Undefined where there is none now. */
  #route(url: string): Route | undefined {
    try {
      return this.#options.route?.(url) ?? {};
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#retryAfter(error.message);
      return undefined;
    }
  }

  #welcomed({ hubId, time }: { hubId: string; time: number }, hasHubClock: boolean): void {
    this.#status.hubId = hubId;
    if (this.#status.refusal !== undefined) this.#options.onRefusal?.(undefined);
    this.#status.refusal = undefined;
    if (hasHubClock) {
      const roundTripMs = performance.now() - this.#greetedAt;
      this.#status.roundTripMs = roundTripMs;
      this.#tellHubTime(time, roundTripMs);
    }
    this.#enter('live');
    this.#options.log.info('connected to the hub', { hubId, url: this.#status.url });
    this.#options.onWelcome?.({ hubId });
  }

  /** A session may last for years, and a crystal drifts by seconds a day. */
  #heardHubTime(ms: number): void {
    const { state, roundTripMs } = this.#status;
    if (state !== 'live' || roundTripMs === undefined) return;
    if (performance.now() - this.#hubTimeToldAt >= this.#tuning.hubTimeEveryMs)
      this.#tellHubTime(ms, roundTripMs);
  }

  #tellHubTime(hubTimeMs: number, roundTripMs: number): void {
    this.#hubTimeToldAt = performance.now();
    this.#status.hubClockOffsetMs = Math.round(hubTimeMs + roundTripMs / 2 - Date.now());
    this.#options.onHubTime?.(hubTimeMs, roundTripMs);
  }

  #ended(connection: UplinkConnection, retry: Retry, code: RefusalCode, message: string): void {
    this.#retry = retry;
    if (retry === 'late') {
      const isNews = this.#status.refusal?.message !== message;
      this.#status.refusal = { code, message };
      this.#options.onRefusal?.({ code, message });
      this.#options.log[isNews ? 'error' : 'debug']('the hub refuses this gateway', { code, message });
    }
    connection.close(code, message);
  }

  #closed(link: AgentLink, reason: string): void {
    const { state, since } = this.#status;
    // A welcome proves nothing: a session that only ever ends at once, or that no stream was taken in, must back off like any other failure.
    const { ackedBatches, unavailableSince } = link.session;
    const isSettled = state === 'live' && Date.now() - since >= SETTLED_AFTER_MS;
    const wasUseful = ackedBatches > 0 || (isSettled && unavailableSince === undefined);
    if (wasUseful) this.#attempt = 0;
    this.#movedFrom = ackedBatches > 0 ? 'some' : 'none';
    if (unavailableSince !== undefined) this.#moves++;
    else if (wasUseful) this.#moves = 0;
    link.disconnected();
    this.#past = this.#totals();
    this.#link = undefined;
    this.#connection = undefined;
    if (state === 'stopped' || state === 'paused') return;
    this.#retryAfter(reason);
  }

  #retryAfter(reason: string): void {
    if (this.#status.state === 'live') this.#reasons.over();
    const isNews = this.#reasons.isNews(reason);
    this.#status.lastError = reason;
    const wait = this.#waitMs();
    this.#options.log[isNews ? 'warn' : 'debug']('not connected to the hub', {
      url: this.#status.url,
      reason,
      retryInMs: wait,
    });
    this.#enter(this.#retry === 'late' ? 'refused' : 'waiting');
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
  }

  #waitMs(): number {
    const { backoffMinMs, backoffMaxMs, refusedBackoffMs } = this.#tuning;
    // Twice as long at most: `backoffMs` of one attempt spans a half to all of its limit.
    if (this.#retry === 'late') {
      const limits = { minMs: 2 * refusedBackoffMs, maxMs: 2 * refusedBackoffMs };
      return backoffMs(0, limits, Math.random());
    }
    const attempt = this.#attempt++;
    const isUntriedNext = (attempt + 1) % this.#urls.length !== 0;
    const limits = { minMs: backoffMinMs, maxMs: backoffMaxMs };
    return backoffMs(isUntriedNext ? 0 : Math.floor(attempt / this.#urls.length), limits, Math.random());
  }

  #connectTimeoutMs(): number {
    const { connectTimeoutMs } = this.#tuning;
    if (this.#urls.length === 1) return connectTimeoutMs;
    const round = Math.min(10, Math.floor(this.#attempt / this.#urls.length));
    return Math.min(connectTimeoutMs, CONNECT_TIMEOUT_MS_WITH_OTHERS * 2 ** round);
  }

  /** A hub that is in trouble as a whole, or a partition without a leader, is not helped by gateways that go round in it. */
  #moveAfterMs(): number {
    const rounds = Math.floor(this.#moves / this.#urls.length);
    const doublings = Math.min(MOVE_DOUBLINGS_MAX[this.#movedFrom], rounds);
    return this.#tuning.moveAfterMs * 2 ** doublings * (1 + Math.random());
  }

  #tick(): void {
    if (this.#link === undefined) return;
    this.#link.tick();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turn !== undefined || this.#link === undefined) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#takeTurn();
    });
  }

  /** Sends what the turn's allowance, the cap, the credit and the socket have room for; whoever has more to send comes back. */
  #takeTurn(): void {
    const [link, connection] = [this.#link, this.#connection];
    if (link === undefined || connection === undefined) return;
    if (this.#notified) {
      this.#notified = false;
      link.sync();
    }
    const { readWindowBytes, turnBytes } = this.#tuning;
    const leastPriority = this.#leastPriority();
    for (let left = turnBytes; left > 0; ) {
      const allowed = this.#bucket?.available(performance.now()) ?? left;
      this.#isCongested = connection.congested || allowed === 0;
      if (allowed === 0) this.#comeBackIn(this.#bucket!.waitMs(performance.now()));
      if (this.#isCongested) return;
      const sent = link.pump(Math.min(readWindowBytes, left, allowed), leastPriority);
      if (sent === undefined) {
        this.#isCongested = link.session.sendQueue.next(leastPriority) !== undefined;
        return;
      }
      this.#bucket?.take(sent);
      left -= Math.max(sent, 1);
    }
    this.#schedule();
  }

  #comeBackIn(ms: number): void {
    this.#bucketTimer ??= setTimeout(() => {
      this.#bucketTimer = undefined;
      this.#schedule();
    }, ms);
  }

  #leastPriority(): number {
    const { windows } = this.#limits;
    return windows === undefined || this.#windowStatus()?.isOpen
      ? Number.NEGATIVE_INFINITY
      : windows.urgentPriority;
  }

  #windowStatus(): UplinkStatus['window'] {
    const { windows } = this.#limits;
    if (windows === undefined) return undefined;
    const now = (this.#options.nowMs ?? Date.now)();
    const known = this.#window;
    const until =
      known && Math.min(known.changesAt ?? Number.POSITIVE_INFINITY, known.asOf + WINDOW_KNOWN_MS);
    // A clock that was put back or on is noticed too.
    if (known === undefined || now < known.asOf || now >= until!) {
      const { allowed } = windows;
      this.#window = { isOpen: allowed.isOpen(now), changesAt: allowed.changesAt(now), asOf: now };
    }
    const { isOpen, changesAt } = this.#window!;
    return { isOpen, changesAt, urgentPriority: windows.urgentPriority };
  }

  #enter(state: UplinkState): void {
    this.#status.state = state;
    this.#status.since = Date.now();
  }

  #totals(): Totals {
    const session = this.#link?.session;
    const past = this.#past;
    return {
      sentBatches: past.sentBatches + (session?.sentBatches ?? 0),
      sentBytes: past.sentBytes + (session?.sentBytes ?? 0),
      ackedBatches: past.ackedBatches + (session?.ackedBatches ?? 0),
      ackedBytes: past.ackedBytes + (session?.ackedBytes ?? 0),
    };
  }
}

function bucketOf({ maxBytesPerSecond }: UplinkLimits): TokenBucket | undefined {
  if (maxBytesPerSecond === undefined) return undefined;
  return new TokenBucket(maxBytesPerSecond, performance.now(), CAP);
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

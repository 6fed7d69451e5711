import { EdgelogError } from '@edgelog/base';
import type { Connect, ConnectionEvents, UplinkConnection } from './agent/connection.ts';
import { LentMemory } from './agent/lent-memory.ts';
import type { AgentFrame, HubFrame } from './frames/types.ts';
import { HubLink } from './hub/link.ts';
import type { HubLimits } from './hub/state.ts';
import { MAX_FRAME_BYTES, MAX_STREAMS_PER_SESSION, SESSION_CREDIT_BYTES } from './limits.ts';
import type { SyncLog } from './log.ts';
import type { HubPort, Refusal, RefusalCode } from './ports.ts';

export interface InProcessOptions {
  /**
   * Asks what is behind the port, at the beginning of each session and every `checkEveryMs` of it; takes a bounded time. Rejects with
   * EdgelogError where nobody is reached. A refusal is of the gateway as a whole. A port other than before ends the session.
   */
  reach(): Promise<HubPort | Refusal>;
  log: SyncLog;
  /** Default 30,000. */
  checkEveryMs?: number | undefined;
  limits?: Partial<HubLimits> | undefined;
}

const CHECK_EVERY_MS = 30_000;
/** After a stream could not be taken. */
const CHECK_SOON_MS = 1_000;
const LIMITS: HubLimits = {
  creditBytes: SESSION_CREDIT_BYTES,
  maxFrameBytes: MAX_FRAME_BYTES,
  streamsMax: MAX_STREAMS_PER_SESSION,
};

/**
 * Sessions with a port in this process: the hub's side of the protocol is here too, and frames are handed over as they are. A batch
 * belongs to the port from then on, until it is committed.
 */
export function inProcess(options: InProcessOptions): Connect {
  return (_url, _route, _tuning, events) => new InProcessConnection(options, events);
}

class InProcessConnection implements UplinkConnection {
  /** The credit bounds what is under way; there is no socket beside it. */
  readonly congested = false;
  readonly hasHubClock = false;
  readonly memory = new LentMemory();
  readonly #options: InProcessOptions;
  readonly #events: ConnectionEvents;
  /** Neither side is called while it calls the other: frames wait here until the turn is over. */
  readonly #deliveries: (() => void)[] = [];
  #port: HubPort | undefined;
  #link: HubLink | undefined;
  #refusal: Refusal | undefined;
  #isDelivering = false;
  #flush: NodeJS.Immediate | undefined;
  #check: NodeJS.Timeout | undefined;
  #checkAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(options: InProcessOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    void this.#open();
  }

  send(frame: AgentFrame): void {
    this.#deliver(() => {
      if (this.#refusal !== undefined) this.#refuse(this.#refusal);
      else this.#link!.receive(frame);
    });
  }

  close(code: RefusalCode, message: string): void {
    this.#finish(`${code}: ${message}`);
  }

  cut(reason: string): void {
    this.#finish(reason);
  }

  async #open(): Promise<void> {
    const reached = await this.#reach();
    if (reached === undefined) return;
    if ('ok' in reached) this.#refusal = reached;
    else {
      this.#port = reached;
      this.#link = this.#linkTo(reached);
      this.#checkWithin(this.#checkEveryMs);
    }
    this.#events.open();
  }

  #linkTo(hub: HubPort): HubLink {
    const { log, limits } = this.#options;
    return new HubLink({
      hub,
      log,
      now: Date.now,
      limits: { ...LIMITS, ...limits },
      send: (frame) => this.#toAgent(frame),
      end: (code, message) => this.#deliver(() => this.#finish(`${code}: ${message}`)),
      committed: (batch) => this.memory.giveBack(batch),
      register: () => this.#deliver(() => this.#link!.admitted()),
      wantsFlush: () => {
        this.#flush ??= setImmediate(() => {
          this.#flush = undefined;
          this.#link!.flush();
        });
      },
    });
  }

  #checkWithin(ms: number): void {
    const atMs = performance.now() + ms;
    if (atMs >= this.#checkAtMs) return;
    this.#checkAtMs = atMs;
    clearTimeout(this.#check);
    this.#check = setTimeout(() => void this.#checkNow(), ms);
  }

  async #checkNow(): Promise<void> {
    const sentAt = performance.now();
    const reached = await this.#reach();
    if (reached === undefined) return;
    this.#checkAtMs = Number.POSITIVE_INFINITY;
    this.#events.roundTrip(performance.now() - sentAt);
    if ('ok' in reached) this.#link!.dismiss(reached.code, reached.message);
    else if (reached !== this.#port) this.#finish('opened anew');
    else this.#checkWithin(this.#checkEveryMs);
  }

  get #checkEveryMs(): number {
    return this.#options.checkEveryMs ?? CHECK_EVERY_MS;
  }

  /** Undefined: the session is over. */
  async #reach(): Promise<HubPort | Refusal | undefined> {
    try {
      const reached = await this.#options.reach();
      return this.#isClosed ? undefined : reached;
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#finish(error.message);
      return undefined;
    }
  }

  #refuse({ code, message }: Refusal): void {
    this.#toAgent({ type: 'refuse', code, message, handle: null });
  }

  #toAgent(frame: HubFrame): void {
    if (frame.type === 'refuse' && frame.code === 'not-available') this.#checkWithin(CHECK_SOON_MS);
    this.#deliver(() => this.#events.frame(frame));
  }

  #deliver(act: () => void): void {
    this.#deliveries.push(act);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    queueMicrotask(() => {
      for (let next = this.#deliveries.shift(); next !== undefined; next = this.#deliveries.shift()) next();
      this.#isDelivering = false;
    });
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deliveries.length = 0;
    clearTimeout(this.#check);
    clearImmediate(this.#flush);
    this.#link?.disconnected();
    this.#events.closed(reason);
  }
}

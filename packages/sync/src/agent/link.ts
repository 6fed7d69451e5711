import { EdgelogError } from '@edgelog/base';
import type { AgentFrame, HubFrame } from '../frames/types.ts';
import type { SyncLog } from '../log.ts';
import type {
  AgentPort,
  DivergenceReason,
  Gap,
  GapReason,
  RefusalCode,
  RunInfo,
  UplinkStream,
} from '../ports.ts';
import type { AgentEffect, AgentEvent, AgentEventOf, Retry } from './events.ts';
import type { ReadTarget } from './read-memory.ts';
import { handleAgent } from './session.ts';
import { type AgentSession, createAgentSession } from './state.ts';

export interface AgentLinkOptions {
  port: AgentPort;
  log: SyncLog;
  /** Monotonic, ms: waits are measured by it, and a wall clock that is set back by years would make one of them last as long. */
  now: () => number;
  wallMs: () => number;
  maxFrameBytes: number;
  /** After how long without a stream that the hub can take another one is looked for. Default: never. */
  moveAfterMs?: number | undefined;
  /** How long a stream that was refused for good stays so before it is tried again, ms. Default 60,000. */
  refusedRetryMs?: number | undefined;
  /** Batches are read into it. Default: fresh memory for each. */
  memory?: ReadTarget | undefined;
  send(frame: AgentFrame): void;
  /** The session is over: close the connection. */
  end(retry: Retry, code: RefusalCode, message: string): void;
  welcomed(hub: { hubId: string; time: number }): void;
  diverged(run: RunInfo, reason: DivergenceReason): void;
  /** The port changed by itself: call `sync`, then `pump`. */
  changed(): void;
  /** Runs whose replacement is under way, whichever connection asked for it. One set per port. */
  restarting: Set<number>;
}

const LOST = 'data is lost for good';
const LOSS: Record<GapReason, string> = {
  'hub-lost-data': LOST,
  diverged: LOST,
  dropped: LOST,
  quarantined: LOST,
  refused: 'a batch that the hub never takes was set aside',
};

/**
 * One session and the port it serves: turns the session's effects into calls of the port, and their answers into
 * events. Knows no sockets and no timers, so that the simulator drives the same code as the WebSocket shell.
 */
export class AgentLink {
  readonly session: AgentSession;
  readonly #options: AgentLinkOptions;
  readonly #known = new Map<
    number,
    {
      stream: UplinkStream;
      sealedEndOffset: number;
      ended: boolean;
      isBacklog: boolean;
      priority: number;
      round: number;
    }
  >();
  #round = 0;
  #reads = 0;

  constructor(options: AgentLinkOptions) {
    this.#options = options;
    this.session = createAgentSession(options.port.identity, options, options.now());
    this.sync();
  }

  connected(): void {
    this.#run({ type: 'connected', time: this.#options.wallMs() });
  }

  receive(frame: HubFrame): void {
    this.#run(frame);
  }

  disconnected(): void {
    this.#run({ type: 'disconnected' });
  }

  /** Syncs too; call `pump` after it. */
  tick(): void {
    // A stream that is due must not be opened by an end that it no longer has.
    this.sync();
    this.#run({ type: 'tick' });
  }

  /** Tells the session what is new in the port: streams, growth, runs that ended, gaps. */
  sync(): void {
    const { port, restarting } = this.#options;
    const round = ++this.#round;
    for (const stream of port.streams()) {
      const { run, sealedEndOffset, ended = false, priority = 0, isBacklog = false } = stream;
      const known = this.#known.get(run.producerId);
      if (known === undefined && restarting.has(run.producerId)) continue;
      this.#known.set(run.producerId, { stream, sealedEndOffset, ended, isBacklog, priority, round });
      const isSame =
        known?.sealedEndOffset === sealedEndOffset &&
        known.ended === ended &&
        known.isBacklog === isBacklog &&
        known.priority === priority;
      if (!isSame) {
        const { acked } = stream;
        this.#run({ type: 'stream', run, acked, sealedEndOffset, ended, priority, isBacklog });
      }
    }
    for (const [producerId, known] of this.#known) {
      if (known.round === round) continue;
      this.#known.delete(producerId);
      this.#run({ type: 'gone', producerId });
    }
    for (const gap of port.unconfirmedGaps()) this.#run({ type: 'gap', gap });
  }

  /**
   * Reads and sends at most one window of one stream of `leastPriority` or above. Answers the bytes sent, undefined when nobody's
   * turn has come.
   */
  pump(maxBytes: number, leastPriority = Number.NEGATIVE_INFINITY): number | undefined {
    const { session } = this;
    const [reads, sent] = [this.#reads, session.sentBytes];
    this.#run({ type: 'ready', maxBytes, leastPriority });
    return this.#reads === reads ? undefined : session.sentBytes - sent;
  }

  #run(event: AgentEvent): void {
    const { effects } = handleAgent(this.session, event, this.#options.now());
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: AgentEffect): void {
    const { port, log, send, end, welcomed } = this.#options;
    switch (effect.type) {
      case 'send':
        send(effect.frame);
        break;
      case 'locate':
        this.#locate(effect);
        break;
      case 'read':
        this.#reads++;
        this.#run({
          type: 'batches',
          producerId: effect.producerId,
          batches: this.#read(effect.producerId, effect.offset, effect.maxBytes),
        });
        break;
      case 'acknowledge':
        this.#stream(effect.producerId)?.acknowledge(effect.position);
        break;
      case 'startNewRun':
        void this.#startNewRun(effect);
        break;
      case 'setAside':
        void this.#setAside(effect);
        break;
      case 'unreadable':
        this.#stream(effect.producerId)?.unreadable?.(effect.offset, effect.hub);
        break;
      case 'refused': {
        const stream = this.#stream(effect.producerId);
        log.error('the hub refuses a stream', { ...stream?.run, code: effect.code, message: effect.message });
        stream?.refused(effect.code, effect.message);
        break;
      }
      case 'gapConfirmed':
        port.gapConfirmed(effect.gap);
        break;
      case 'welcomed':
        welcomed(effect);
        break;
      case 'report':
        log[effect.level](effect.event, effect.fields);
        break;
      case 'end':
        end(effect.retry, effect.code, effect.message);
        break;
    }
  }

  /** The port may have begun a new run in this very turn; `sync` will say so, until then the run has no stream. */
  #stream(producerId: number): UplinkStream | undefined {
    const stream = this.#known.get(producerId)?.stream;
    return stream?.run.producerId === producerId ? stream : undefined;
  }

  #locate({ producerId, hub }: Extract<AgentEffect, { type: 'locate' }>): void {
    const stream = this.#stream(producerId);
    if (stream === undefined) return;
    const { logStartOffset, sealedEndOffset, ended = false, acked } = stream;
    const crcAtHub = hub === undefined ? undefined : stream.crcEndingAt(hub.next);
    const local = { logStartOffset, sealedEndOffset, ended, acked, crcAtHub };
    this.#run({ type: 'located', producerId, local });
  }

  #read(producerId: number, offset: number, maxBytes: number): AgentEventOf<'batches'>['batches'] {
    const stream = this.#stream(producerId);
    if (stream === undefined) return [];
    const { memory } = this.#options;
    memory?.begin();
    try {
      return stream.read(offset, maxBytes, memory?.take);
    } catch (error) {
      if (error instanceof EdgelogError) return { problem: `${error.code}: ${error.message}` };
      throw error;
    }
  }

  async #startNewRun(effect: Extract<AgentEffect, { type: 'startNewRun' }>): Promise<void> {
    const { producerId, reason, hub } = effect;
    await this.#replace(producerId, (stream) => {
      if (reason !== 'dropped') this.#options.diverged(stream.run, reason);
      return stream.startNewRun(reason, hub);
    });
  }

  async #setAside(effect: Extract<AgentEffect, { type: 'setAside' }>): Promise<void> {
    const { producerId, refused, hub } = effect;
    await this.#replace(producerId, async (stream) => {
      if (stream.setAside === undefined)
        throw new EdgelogError('LIMIT_EXCEEDED', 'nothing is set aside here');
      return stream.setAside(refused, hub);
    });
  }

  /** Has the port end a run, and tells the session. */
  async #replace(producerId: number, act: (stream: UplinkStream) => Promise<Gap | undefined>): Promise<void> {
    const { log, restarting, changed } = this.#options;
    const stream = this.#stream(producerId);
    if (stream === undefined || restarting.has(producerId)) return;
    restarting.add(producerId);
    let problem: string | undefined;
    try {
      const gap = await act(stream);
      if (gap !== undefined) log.error(LOSS[gap.reason], { ...gap });
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      problem = `${error.code}: ${error.message}`;
    } finally {
      restarting.delete(producerId);
    }
    this.sync();
    this.#run({ type: 'restarted', producerId, error: problem });
    changed();
  }
}

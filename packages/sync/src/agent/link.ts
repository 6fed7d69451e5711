import { EdgelogError } from '@edgelog/base';
import type { AgentFrame, HubFrame } from '../frames/types.ts';
import type { SyncLog } from '../log.ts';
import type { AgentPort, DivergenceReason, RefusalCode, RunInfo, UplinkStream } from '../ports.ts';
import type { AgentEffect, AgentEvent, AgentEventOf, Retry } from './events.ts';
import { handleAgent } from './session.ts';
import { type AgentSession, createAgentSession } from './state.ts';

export interface AgentLinkOptions {
  port: AgentPort;
  log: SyncLog;
  now: () => number;
  maxFrameBytes: number;
  /** After how long without a stream that the hub can take another one is looked for. Default: never. */
  moveAfterMs?: number | undefined;
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

/**
 * One session and the port it serves: turns the session's effects into calls of the port, and their answers into
 * events. Knows no sockets and no timers, so that the simulator drives the same code as the WebSocket shell.
 */
export class AgentLink {
  readonly session: AgentSession;
  readonly #options: AgentLinkOptions;
  readonly #known = new Map<
    number,
    { stream: UplinkStream; sealedEndOffset: number; ended: boolean; round: number }
  >();
  #round = 0;
  #reads = 0;

  constructor(options: AgentLinkOptions) {
    this.#options = options;
    this.session = createAgentSession(options.port.identity, options);
    this.sync();
  }

  connected(): void {
    this.#run({ type: 'connected' });
  }

  receive(frame: HubFrame): void {
    this.#run(frame);
  }

  disconnected(): void {
    this.#run({ type: 'disconnected' });
  }

  tick(): void {
    this.#run({ type: 'tick' });
  }

  /** Tells the session what is new in the port: streams, growth, runs that ended, gaps. */
  sync(): void {
    const { port, restarting } = this.#options;
    const round = ++this.#round;
    for (const stream of port.streams()) {
      const { run, sealedEndOffset, ended = false } = stream;
      const known = this.#known.get(run.producerId);
      if (known === undefined && restarting.has(run.producerId)) continue;
      this.#known.set(run.producerId, { stream, sealedEndOffset, ended, round });
      if (known?.sealedEndOffset !== sealedEndOffset || known.ended !== ended) {
        this.#run({ type: 'stream', run, acked: stream.acked, sealedEndOffset, ended });
      }
    }
    for (const [producerId, known] of this.#known) {
      if (known.round === round) continue;
      this.#known.delete(producerId);
      this.#run({ type: 'gone', producerId });
    }
    for (const gap of port.unconfirmedGaps()) this.#run({ type: 'gap', gap });
  }

  /** Reads and sends at most one window of one stream. Answers the bytes sent, undefined when nobody's turn has come. */
  pump(maxBytes: number): number | undefined {
    const { session } = this;
    const [reads, sent] = [this.#reads, session.sentBytes];
    this.#run({ type: 'ready', maxBytes });
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
    try {
      return stream.read(offset, maxBytes);
    } catch (error) {
      if (error instanceof EdgelogError) return { problem: `${error.code}: ${error.message}` };
      throw error;
    }
  }

  async #startNewRun(effect: Extract<AgentEffect, { type: 'startNewRun' }>): Promise<void> {
    const { producerId, reason, hub } = effect;
    const { log, restarting, diverged, changed } = this.#options;
    const stream = this.#stream(producerId);
    if (stream === undefined || restarting.has(producerId)) return;
    const { run } = stream;
    restarting.add(producerId);
    if (reason !== 'dropped') diverged(run, reason);
    let problem: string | undefined;
    try {
      const gap = await stream.startNewRun(reason, hub);
      if (gap !== undefined) log.error('data is lost for good', { ...gap });
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

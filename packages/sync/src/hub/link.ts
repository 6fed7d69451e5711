import type { AgentFrame, HubFrame, RefuseFrame } from '../frames/types.ts';
import type { SyncLog } from '../log.ts';
import type { HubPort, RefusalCode } from '../ports.ts';
import type { HubEffect, HubEvent } from './events.ts';
import { handleHub } from './session.ts';
import { createHubSession, type HubLimits, type HubSession } from './state.ts';

export interface HubLinkOptions {
  hub: HubPort;
  log: SyncLog;
  now: () => number;
  limits: HubLimits;
  send(frame: HubFrame): void;
  end(code: RefusalCode, message: string): void;
  /** Ask the registry; `admitted` or `dismiss` is to be called, now or later. */
  register(gateway: string, instance: string): void;
  /** Something waits to go out: call `flush` once before the turn is over. */
  wantsFlush(): void;
  /** The port has committed it, and does not need its bytes any more. */
  committed?(batch: Buffer): void;
}

/** Refusals that a gateway does not get over by itself. */
const LASTING: ReadonlySet<RefusalCode> = new Set([
  'illegal-topic',
  'topic-missing',
  'batch-too-large',
  'corrupt-batch',
  'unauthorized',
]);

/**
 * One session and the store it feeds: turns the session's effects into calls of the port, and their answers into
 * events. Knows no sockets and no timers, so that the simulator drives the same code as the WebSocket shell.
 */
export class HubLink {
  readonly session: HubSession;
  readonly #options: HubLinkOptions;
  /** Instance of the agent at the other end. */
  #agent: string | undefined;

  constructor(options: HubLinkOptions) {
    this.#options = options;
    this.session = createHubSession(options.hub.hubId, options.limits);
  }

  receive(frame: AgentFrame): void {
    this.#run(frame);
  }

  admitted(): void {
    this.#run({ type: 'admitted' });
  }

  dismiss(code: RefusalCode, message: string): void {
    this.#run({ type: 'dismiss', code, message });
  }

  flush(): void {
    this.#run({ type: 'flush' });
  }

  disconnected(): void {
    this.#run({ type: 'disconnected' });
  }

  #run(event: HubEvent): void {
    const { session } = this;
    const { effects } = handleHub(session, event, this.#options.now());
    for (const effect of effects) this.#perform(effect);
    if (session.phase === 'live' && (session.dirty.length > 0 || session.creditOwed > 0)) {
      this.#options.wantsFlush();
    }
  }

  #perform(effect: HubEffect): void {
    const { hub, log, send, end, register } = this.#options;
    const { gateway } = this.session;
    switch (effect.type) {
      case 'send':
        send(effect.frame);
        if (effect.frame.type === 'refuse') this.#refused(effect.frame);
        break;
      case 'register':
        this.#agent = effect.instance;
        register(effect.gateway, effect.instance);
        break;
      case 'openRun':
        this.#openRun(effect);
        break;
      case 'append':
        this.#append(effect);
        break;
      case 'recordGap': {
        const { id, gap } = effect;
        hub.recordGap(gateway, gap).then(() => this.#run({ type: 'gapDone', id }), this.#failed);
        break;
      }
      case 'divergence': {
        const { run, reason, position } = effect;
        log.error('a gateway and this hub have diverged', { gateway, ...run, reason, position });
        hub.incident?.({ type: 'divergence', gateway, run, reason, position });
        break;
      }
      case 'report':
        log[effect.level](effect.event, effect.fields);
        break;
      case 'end':
        end(effect.code, effect.message);
        break;
    }
  }

  #refused({ handle, code, message }: RefuseFrame): void {
    const run = handle === null ? undefined : this.session.streams.get(handle)?.run;
    if (run === undefined || !LASTING.has(code)) return;
    this.#options.hub.incident?.({ type: 'refusal', gateway: this.session.gateway, run, code, message });
  }

  #openRun({ handle, run, acked }: Extract<HubEffect, { type: 'openRun' }>): void {
    this.#options.hub.openRun(this.session.gateway, run, acked, this.#agent).then((answer) => {
      if (answer.ok) {
        const { partition, position } = answer;
        this.#run({ type: 'runOpened', handle, partition, position });
      } else {
        this.#run({ type: 'runRefused', handle, code: answer.code, message: answer.message });
      }
    }, this.#failed);
  }

  #append({ handle, producerId, batch }: Extract<HubEffect, { type: 'append' }>): void {
    const answer = this.#options.hub.append(producerId, batch);
    if (answer.ok) {
      answer.committed.then((outcome) => {
        if ('next' in outcome) {
          this.#options.committed?.(batch);
          this.#run({ type: 'committed', handle, position: outcome });
        } else this.#run({ type: 'commitRefused', handle, code: outcome.code, message: outcome.message });
      }, this.#failed);
    } else {
      this.#run({ type: 'appendRefused', handle, code: answer.code, message: answer.message });
    }
  }

  readonly #failed = (error: unknown): void => {
    this.#run({ type: 'storeFailed', message: error instanceof Error ? error.message : String(error) });
  };
}

import {
  type AgentFrame,
  AgentLink,
  createRegistry,
  type HubFrame,
  HubLink,
  type HubPort,
  handleRegistry,
  type RegistryEvent,
  type SyncLog,
} from '@edgelog/sync';
import type { AgentStore } from './agent-store.ts';
import type { NetworkOptions } from './network.ts';
import { Wire } from './network.ts';
import type { Prng } from './prng.ts';
import type { Scheduler } from './scheduler.ts';

export interface Surroundings {
  scheduler: Scheduler;
  prng: Prng;
  network: NetworkOptions;
  creditBytes: number;
  maxFrameBytes: number;
  /** Gateways open a lane for fresh data beside a backlog whenever they are connected. Default false. */
  liveFirst?: boolean;
  trace: (who: string, what: string, fields?: unknown) => void;
}

const PROBE_TIMEOUT_MS = 5_000;
const TICK_MS = 500;

const logTo = (trace: Surroundings['trace'], who: string): SyncLog => {
  const line = (event: string, fields?: Record<string, unknown>) => trace(who, event, fields);
  return { debug: line, info: line, warn: line, error: line };
};

/** A hub in memory. */
export interface SimHub extends HubPort {
  /** kill -9: what was not committed is gone, and nobody waits any more. */
  crash(): void;
}

/** A hub process around its store: the real links and registry, simulated sockets. */
export class HubProcess<Store extends SimHub = SimHub> {
  readonly store: Store;
  readonly #around: Surroundings;
  /** Runs what the process is to do; later while it stands still. */
  readonly #run: (action: () => void) => void;
  #up = true;
  #connections = new Map<number, { link: HubLink; wire: Wire }>();
  #registry = createRegistry(PROBE_TIMEOUT_MS);
  #lastId = 0;
  #isTicking = false;

  constructor(store: Store, around: Surroundings, run: (action: () => void) => void = (action) => action()) {
    this.store = store;
    this.#around = around;
    this.#run = run;
  }

  get up(): boolean {
    return this.#up;
  }

  accept(wire: Wire): void {
    const { scheduler, creditBytes, maxFrameBytes, trace } = this.#around;
    const id = ++this.#lastId;
    let flushing = false;
    const link = new HubLink({
      hub: this.store,
      log: logTo(trace, 'hub'),
      now: () => scheduler.now(),
      limits: { creditBytes, maxFrameBytes, streamsMax: 100_000 },
      send: (frame) => wire.send('agent', frame),
      end: () => this.#gone(id),
      register: (gateway, instance) =>
        this.#tell({ type: 'claim', gateway, claim: { connection: id, instance, remote: `wire ${id}` } }),
      wantsFlush: () => {
        if (flushing) return;
        flushing = true;
        scheduler.after(0, () => {
          flushing = false;
          this.#run(() => link.flush());
        });
      },
    });
    this.#connections.set(id, { link, wire });
    this.#tickSoon();
    wire.attach('hub', {
      receive: (frame) =>
        this.#run(() => {
          if (this.#connections.get(id)?.link !== link) return;
          link.receive(frame as AgentFrame);
          const { gateway } = link.session;
          if (this.#registry.gateways.get(gateway)?.probe !== undefined) {
            this.#tell({ type: 'seen', gateway, connection: id });
          }
        }),
      disconnected: () => this.#run(() => this.#gone(id)),
    });
  }

  kill(): void {
    this.#up = false;
    const connections = [...this.#connections.values()];
    this.#connections = new Map();
    this.#registry = createRegistry(PROBE_TIMEOUT_MS);
    for (const { link, wire } of connections) {
      link.disconnected();
      wire.break('hub');
    }
    this.store.crash();
  }

  start(): void {
    this.#up = true;
  }

  #gone(id: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#connections.delete(id);
    connection.link.disconnected();
    // A close frame still carries what was sent before it.
    this.#around.scheduler.after(this.#around.network.delayMsMax, () => connection.wire.break('hub'));
    const { gateway } = connection.link.session;
    if (gateway !== '') this.#tell({ type: 'gone', gateway, connection: id });
  }

  #tell(event: RegistryEvent): void {
    const { scheduler, trace, prng, network } = this.#around;
    for (const effect of handleRegistry(this.#registry, event, scheduler.now()).effects) {
      const connection = this.#connections.get(effect.connection);
      if (connection === undefined) continue;
      trace('hub', effect.type, { connection: effect.connection });
      if (effect.type === 'admit') connection.link.admitted();
      else if (effect.type === 'refuse') connection.link.dismiss('duplicate-instance', effect.message);
      else if (effect.type === 'replace') connection.link.dismiss(effect.code, effect.message);
      else {
        const { gateway } = connection.link.session;
        scheduler.after(prng.between(1, 2 * network.delayMsMax), () => {
          if (!connection.wire.broken) {
            this.#tell({ type: 'answered', gateway, connection: effect.connection });
          }
        });
      }
    }
  }

  /** As long as anybody is connected: a hub that nobody can reach for days has nothing to do. */
  #tickSoon(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#around.scheduler.after(TICK_MS, () => {
      this.#isTicking = false;
      this.#tell({ type: 'tick' });
      if (this.#connections.size > 0) this.#tickSoon();
    });
  }
}

/** A gateway process around its store: the real link, simulated sockets and timers. */
export class AgentProcess {
  readonly store: AgentStore;
  readonly #around: Surroundings;
  readonly #hub: () => HubProcess;
  readonly #restarting = new Set<number>();
  readonly #name: string;
  #up = true;
  /** Grows with each process. */
  #life = 0;
  #link: AgentLink | undefined;
  #wire: Wire | undefined;
  #turnScheduled = false;
  #notified = false;
  refusedAsDuplicate = 0;

  constructor(name: string, store: AgentStore, hub: () => HubProcess, around: Surroundings) {
    this.#name = name;
    this.store = store;
    this.#hub = hub;
    this.#around = around;
    this.#connect();
    this.#tick();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Connected, and every stream was compared with the hub. */
  get atRest(): boolean {
    const session = this.#link?.session;
    return (
      session?.phase === 'live' && [...session.streams.values()].every(({ phase }) => phase === 'flowing')
    );
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  /** The store changed by itself. */
  notify(): void {
    this.#notified = true;
    this.#takeTurnSoon();
  }

  #takeTurnSoon(): void {
    if (this.#link === undefined || this.#turnScheduled) return;
    this.#turnScheduled = true;
    const life = this.#life;
    this.#around.scheduler.after(0, () => {
      this.#turnScheduled = false;
      if (life === this.#life) this.#turn();
    });
  }

  kill(): void {
    this.#up = false;
    this.#life++;
    this.#link?.disconnected();
    this.#link = undefined;
    this.#wire?.break('agent');
    this.#wire = undefined;
    this.#restarting.clear();
    this.store.crash();
  }

  start(): void {
    this.#up = true;
    this.#connect();
  }

  #turn(): void {
    const link = this.#link;
    if (link === undefined) return;
    if (this.#notified) {
      this.#notified = false;
      link.sync();
    }
    while (this.#link === link && link.pump(4 * 1024) !== undefined);
  }

  #connect(): void {
    const { scheduler, prng, network, maxFrameBytes, trace } = this.#around;
    const life = this.#life;
    const hub = this.#hub();
    if (!hub.up) {
      this.#retry(prng.between(250, 2_000));
      return;
    }
    const wire = new Wire(scheduler, prng, network);
    let wait = prng.between(50, 1_000);
    const link = new AgentLink({
      port: this.store,
      log: logTo(trace, this.#name),
      now: () => scheduler.now(),
      wallMs: () => scheduler.now(),
      maxFrameBytes,
      restarting: this.#restarting,
      send: (frame) => wire.send('hub', frame),
      end: (retry, code, message) => {
        trace(this.#name, 'ends the session', { retry, code, message });
        if (code === 'duplicate-instance') this.refusedAsDuplicate++;
        if (retry === 'late') wait = prng.between(60_000, 120_000);
        closed();
        scheduler.after(network.delayMsMax, () => wire.break('agent'));
      },
      welcomed: () => {
        trace(this.#name, 'welcomed');
        if (this.#around.liveFirst) this.store.openLanes();
      },
      diverged: (run, reason) => trace(this.#name, 'diverged', { run, reason }),
      changed: () => this.notify(),
    });
    const closed = () => {
      if (this.#link !== link) return;
      link.disconnected();
      this.#link = undefined;
      this.#retry(wait);
    };
    this.#link = link;
    this.#wire = wire;
    wire.attach('agent', {
      receive: (frame) => {
        if (this.#link !== link) return;
        link.receive(frame as HubFrame);
        this.#takeTurnSoon();
      },
      disconnected: closed,
    });
    hub.accept(wire);
    trace(this.#name, 'connects', { instance: this.store.identity.instance });
    scheduler.after(prng.between(0, network.delayMsMax), () => {
      if (life === this.#life && this.#link === link) link.connected();
    });
  }

  #retry(delayMs: number): void {
    const life = this.#life;
    this.#around.scheduler.after(delayMs, () => {
      if (life === this.#life && this.#up) this.#connect();
    });
  }

  #tick(): void {
    this.#link?.tick();
    this.#takeTurnSoon();
    this.#around.scheduler.after(TICK_MS, () => this.#tick());
  }
}

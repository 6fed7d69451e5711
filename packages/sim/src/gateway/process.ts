import type { EdgelogError, Timers } from '@edgelog/base';
import {
  Alarms,
  Disk,
  GatewayClock,
  openLanes,
  type PoisonBatch,
  type Stream,
  StreamSet,
} from '@edgelog/edge';
import {
  type AgentFrame,
  AgentLink,
  type DivergenceReason,
  type HubFrame,
  ReadMemory,
  type RunInfo,
} from '@edgelog/sync';
import { RESERVED_PRODUCER_ID_MIN, readBatchHeader } from '@edgelog/wire';
import { Wire } from '../network.ts';
import type { Prng } from '../prng.ts';
import type { HubProcess, SimHub } from '../processes.ts';
import type { GatewaySurroundings } from './around.ts';
import { openModelStore } from './log-store.ts';
import { Machine } from './machine.ts';
import type { Volume } from './volume.ts';

export interface GatewayHooks {
  /** Something may have moved: positions, pending bytes, the disk. */
  looked(): void;
  /** A process takes up what the disk holds. */
  started(): void;
  diverged(run: RunInfo, reason: DivergenceReason): void;
  keptAside(poison: PoisonBatch): void;
}

const TICK_MS = 500;
const LANES_EVERY_TICKS = 2;
const BACKOFF_MS_MAX = 30_000;
/** Until a supervisor has a process that ended by itself running again. */
const RESTART_MS = 2_000;
const READ_BYTES = 4096;
const LANES_MAX = 6;

/** A gateway: the real core and the real link over a simulated disk, machine and network. */
export class GatewayProcess {
  readonly name: string;
  readonly volume: Volume;
  readonly machine: Machine;
  readonly #around: GatewaySurroundings;
  readonly #prng: Prng;
  readonly #hub: HubProcess<SimHub>;
  readonly #hooks: GatewayHooks;
  #life = 0;
  #core: { streams: StreamSet; disk: Disk; clock: GatewayClock; alarms: Alarms } | undefined;
  #link: AgentLink | undefined;
  #wire: Wire | undefined;
  #restarting = new Set<number>();
  #isTurnDue = false;
  #isNotified = false;
  #isCongested = false;
  #attempt = 0;
  /** Ends of the batches that were sent, `producer id:next`: by processes before this one, and by this one. */
  readonly #sentBefore = new Set<string>();
  #sent = new Set<string>();
  /** Sessions that the hub refused because another gateway has the name. */
  refusedAsDuplicate = 0;
  /** Why the last process ended by itself. */
  lastFailure: EdgelogError | undefined;

  constructor(
    name: string,
    volume: Volume,
    hub: HubProcess<SimHub>,
    around: GatewaySurroundings,
    hooks: GatewayHooks,
  ) {
    this.name = name;
    this.volume = volume;
    this.machine = new Machine(around.scheduler);
    this.#around = around;
    this.#prng = around.prng.fork();
    this.#hub = hub;
    this.#hooks = hooks;
  }

  get core(): { streams: StreamSet; disk: Disk; clock: GatewayClock; alarms: Alarms } | undefined {
    return this.#core;
  }

  get wire(): Wire | undefined {
    return this.#wire;
  }

  get isLive(): boolean {
    return this.#link?.session.phase === 'live';
  }

  /** Connected, every run compared with the hub and nothing left to send. */
  get isDrained(): boolean {
    if (this.#core === undefined || !this.isLive || this.#link === undefined) return false;
    const { streams } = this.#core;
    return (
      streams.pressure.pendingBytes === 0 &&
      streams.gaps.list().length === 0 &&
      [...this.#link.session.streams.values()].every(({ phase }) => phase === 'flowing') &&
      [...streams.list()].every(
        ({ edge, uplink }) => edge.unsealedBytes === 0 && uplink.unacked.records === 0,
      )
    );
  }

  /** What it is at, for whoever reads a trace. */
  describe(): unknown {
    const sessions = [...(this.#link?.session.streams.values() ?? [])];
    return {
      phase: this.#link?.session.phase,
      runs: sessions.map(({ run, phase, reason }) => ({
        topic: run.topic,
        id: run.producerId,
        phase,
        reason,
      })),
      disk: this.#core?.disk.status(),
      gaps: this.#core?.streams.gaps.list(),
      streams: [...(this.#core?.streams.list() ?? [])].map(({ edge, uplink, state }) => ({
        topic: state.topic,
        start: uplink.logStartOffset,
        acked: uplink.ackedOffset,
        sealed: uplink.sealedEndOffset,
        end: edge.endOffset,
        runs: state.runs,
      })),
    };
  }

  /** Whether only processes before this one have sent the batch of the run that ends at `next`. */
  wasSentBefore(producerId: number, next: number): boolean {
    const key = `${producerId}:${next}`;
    return this.#sentBefore.has(key) && !this.#sent.has(key);
  }

  start(): void {
    if (this.#core !== undefined) return;
    for (const key of this.#sent) this.#sentBefore.add(key);
    this.#sent = new Set();
    const { settings, policies, scheduler, trace } = this.#around;
    const { volume, machine } = this;
    const life = ++this.#life;
    const prng = this.#prng;
    const wallMs = () => machine.wallMs();
    const monotonicMs = () => machine.monotonicMs();
    const log = { info: this.#say, error: this.#say };
    const alarms = new Alarms(log, wallMs);
    const store = openModelStore(volume);
    const clock = new GatewayClock({ wallMs, monotonicMs });
    const disk = new Disk({
      dir: '/disk',
      maxBytes: settings.maxDiskBytes,
      segmentBytes: settings.segmentBytes,
      stats: () => store.stats(),
      freeBytes: () => volume.freeBytes,
      alarms,
    });
    volume.onFatal = (error) => streams.fail(error);
    const streams: StreamSet = new StreamSet({
      ...settings,
      ...{ store, disk, alarms, policies, clock, monotonicMs, compression: 'none' },
      timers: this.#timers(life),
      seal: async (records, options) => {
        await this.#sleep(life, prng.between(0, settings.sealMsMax));
        return records.sealSync(options);
      },
      ids: {
        logId: () => uuid(prng),
        producerId: () => RESERVED_PRODUCER_ID_MIN + Math.floor(prng.next() * 2 ** 48),
      },
      keepAside: async (poison) => {
        await this.#sleep(life, 10);
        this.#hooks.keptAside(poison);
      },
      isUplinkLive: () => this.isLive,
      isUplinkCongested: (priority) =>
        this.#isCongested && !this.#link?.session.sendQueue.isPassedBy({ priority, isBacklog: false }),
      onSealed: () => this.notify(),
      onDurable: () => {},
      onFatal: (error) => {
        this.lastFailure = error;
        trace(this.name, 'the store failed', { message: error.message });
        scheduler.after(0, () => {
          if (life !== this.#life) return;
          this.kill();
          scheduler.after(RESTART_MS, () => this.start());
        });
      },
    });
    this.#core = { streams, disk, clock, alarms };
    this.#hooks.started();
    this.#connect(life);
    this.#tick(life, 0);
  }

  /** kill -9. */
  kill(): void {
    if (this.#core !== undefined) this.#hooks.looked();
    this.#life++;
    this.#core = undefined;
    this.#link?.disconnected();
    this.#link = undefined;
    this.#wire?.break('agent');
    this.#wire = undefined;
    this.#restarting = new Set();
    this.#isTurnDue = false;
    this.volume.crash();
  }

  /** The streams changed by themselves. */
  notify(): void {
    this.#isNotified = true;
    this.#takeTurnSoon();
  }

  #takeTurnSoon(): void {
    if (this.#link === undefined || this.#isTurnDue) return;
    this.#isTurnDue = true;
    const life = this.#life;
    this.#around.scheduler.after(0, () => {
      if (life !== this.#life) return;
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  readonly #say = (event: string, fields?: Readonly<Record<string, unknown>>) =>
    this.#around.trace(this.name, event, fields);

  #timers(life: number): Timers {
    const later = (ms: number, run: () => void) => {
      let isCancelled = false;
      this.#around.scheduler.after(ms, () => {
        if (!isCancelled && life === this.#life) run();
      });
      return () => {
        isCancelled = true;
      };
    };
    return { after: (ms, run) => later(ms + this.#around.timerLagMs, run), soon: (run) => later(0, run) };
  }

  #sleep(life: number, ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#around.scheduler.after(ms, () => {
        if (life === this.#life) resolve();
      });
    });
  }

  #turn(): void {
    const link = this.#link;
    if (link === undefined) return;
    if (this.#isNotified) {
      this.#isNotified = false;
      link.sync();
    }
    const least = this.#around.isWindowClosed ? 1 : Number.NEGATIVE_INFINITY;
    while (this.#link === link && link.pump(READ_BYTES, least) !== undefined);
    this.#isCongested = link.session.sendQueue.next(least) !== undefined;
    this.#hooks.looked();
  }

  #connect(life: number): void {
    const { scheduler, network, maxFrameBytes, trace, isOffline } = this.#around;
    const prng = this.#prng;
    let waitMs = Math.min(BACKOFF_MS_MAX, prng.between(250, 1_000) * 2 ** Math.min(8, this.#attempt++));
    if (isOffline || !this.#hub.up) {
      this.#retry(life, waitMs);
      return;
    }
    const wire = new Wire(scheduler, prng, network);
    let greetedAt = 0;
    const link = new AgentLink({
      port: this.#port(life),
      log: { debug: this.#say, info: this.#say, warn: this.#say, error: this.#say },
      now: () => this.machine.monotonicMs(),
      wallMs: () => this.machine.wallMs(),
      maxFrameBytes,
      restarting: this.#restarting,
      memory: new ReadMemory(),
      send: (frame: AgentFrame) => {
        if (frame.type === 'batch') {
          const { producerId, lastOffset } = readBatchHeader(frame.bytes);
          this.#sent.add(`${producerId}:${lastOffset + 1}`);
        }
        wire.send('hub', frame);
      },
      end: (retry, code, message) => {
        trace(this.name, 'ends the session', { retry, code, message });
        if (code === 'duplicate-instance') this.refusedAsDuplicate++;
        if (retry === 'late') waitMs = prng.between(60_000, 120_000);
        closed();
        scheduler.after(network.delayMsMax, () => wire.break('agent'));
      },
      welcomed: ({ time }) => {
        this.#attempt = 0;
        this.#core?.clock.onHubTime(time, scheduler.now() - greetedAt);
        trace(this.name, 'welcomed', { clock: this.#core?.clock.status().source });
        this.#lookForBacklogs(1_000);
        this.#core?.streams.armLinger();
      },
      diverged: (run, reason) => this.#hooks.diverged(run, reason),
      changed: () => this.notify(),
    });
    const closed = () => {
      if (this.#link !== link) return;
      link.disconnected();
      this.#link = undefined;
      this.#retry(life, waitMs);
    };
    this.#link = link;
    this.#wire = wire;
    wire.attach('agent', {
      receive: (frame) => {
        if (this.#link !== link) return;
        link.receive(frame as HubFrame);
        this.#hooks.looked();
        this.#takeTurnSoon();
      },
      disconnected: closed,
    });
    this.#hub.accept(wire);
    trace(this.name, 'connects');
    scheduler.after(prng.between(0, network.delayMsMax), () => {
      if (life !== this.#life || this.#link !== link) return;
      greetedAt = scheduler.now();
      link.connected();
    });
  }

  #port(life: number): ConstructorParameters<typeof AgentLink>[0]['port'] {
    const { streams } = this.#core!;
    return {
      identity: { gateway: 'gw', instance: `${this.name}-${life}`, version: 'sim' },
      streams: () =>
        [...streams.list()].filter(({ isDurable }) => isDurable).flatMap(({ uplink }) => [...uplink.runs()]),
      unconfirmedGaps: () => streams.gaps.list(),
      gapConfirmed: (gap) => streams.gaps.confirm(gap),
    };
  }

  #lookForBacklogs(ageMs: number): void {
    const core = this.#core;
    if (core === undefined) return;
    const isLiveFirst = ({ state }: Stream) => this.#around.policies.of(state.topic).lane === 'live-first';
    const streams = [...core.streams.list()].filter(isLiveFirst);
    for (const topic of openLanes(streams, core.clock.now(), ageMs)) this.#say('a lane', { topic });
    if (!this.#around.eagerLanes) return;
    for (const { uplink, state } of streams)
      if (this.#prng.chance(0.2) && uplink.lanes < LANES_MAX && uplink.openLane())
        this.#say('an eager lane', { topic: state.topic });
  }

  #retry(life: number, delayMs: number): void {
    this.#around.scheduler.after(delayMs, () => {
      if (life === this.#life) this.#connect(life);
    });
  }

  #tick(life: number, count: number): void {
    this.#around.scheduler.after(TICK_MS + this.#around.timerLagMs, () => {
      if (life !== this.#life) return;
      this.#link?.tick();
      if (this.isLive && count % LANES_EVERY_TICKS === 0) this.#lookForBacklogs(10_000);
      this.#hooks.looked();
      this.#takeTurnSoon();
      this.#tick(life, count + 1);
    });
  }
}

function uuid(prng: Prng): string {
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => prng.between(0, 15).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}

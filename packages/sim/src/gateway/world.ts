import { TopicPolicies, type TopicPolicy } from '@edgelog/edge';
import type { WhatHappened } from '../checker.ts';
import { HubFate } from '../hub-fate.ts';
import type { HubFaults } from '../hub-store.ts';
import { Prng } from '../prng.ts';
import { HubProcess } from '../processes.ts';
import { Scheduler } from '../scheduler.ts';
import type { GatewaySurroundings } from './around.ts';
import { GatewayChecker } from './checker.ts';
import { Devices, streamIn } from './devices.ts';
import { GatewayHubStore } from './hub.ts';
import type { Image } from './image.ts';
import { type GatewayHooks, GatewayProcess } from './process.ts';
import { Volume, type VolumeFaults } from './volume.ts';

export const GATEWAY_FAULTS = [
  'break',
  'cut',
  'outage',
  'killGateway',
  'powerCut',
  'killHub',
  'moveLeader',
  'clockJump',
  'clockSync',
  'burst',
  'fillDisk',
  'stallDisk',
  'damage',
  'poison',
  'closeWindow',
  'wipeHub',
  'restoreHub',
  'restoreGateway',
  'clone',
] as const;
export type GatewayFault = (typeof GATEWAY_FAULTS)[number];

export interface GatewayWorldOptions {
  seed: number;
  /** Default: drawn from the seed, a subset of all. */
  faults?: readonly GatewayFault[];
  volumeFaults?: VolumeFaults;
  hubFaults?: HubFaults;
  trace?: (line: string) => void;
}

export interface GatewayOutcome {
  seed: number;
  faults: readonly GatewayFault[];
  violations: string[];
  records: number;
  /** Readings that were refused because the disk was full. */
  refused: number;
  acknowledgements: number;
  divergences: number;
  gaps: number;
  crashes: number;
  events: number;
  virtualMs: number;
}

const START_MS = Date.UTC(2026, 10, 1);
const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
/** Virtual time for everything to settle once the faults are over: a refused gateway stays away for two minutes. */
const SETTLE_MS = 30 * 60_000;
const SETTLE_STEP_MS = 5 * SECOND;
/** In which two gateways of one name must have come to an end of it. */
const CLONE_MS = 5 * 60_000;
const HEARTBEAT_MS_MAX = 30 * SECOND;
/** Each costs its run some minutes of refusals before it is set aside. */
const POISON_MAX = 2;
/** An outage of any length is looked at in about so many steps. */
const OUTAGE_STEPS = 200;
const SEGMENT_BYTES = 16 * 1024;

/** One gateway and its hub, and a series of misfortunes, all from one seed. Then peace, and the reckoning. */
export async function runGateway(options: GatewayWorldOptions): Promise<GatewayOutcome> {
  return new GatewayWorld(options).live();
}

class GatewayWorld {
  readonly #options: GatewayWorldOptions;
  readonly #prng: Prng;
  readonly #scheduler = new Scheduler(START_MS);
  readonly #faults: readonly GatewayFault[];
  readonly #happened: WhatHappened = { timelinesFork: false, mayDiverge: false, hubLostData: false };
  readonly #around: GatewaySurroundings;
  readonly #topics: string[];
  readonly #hub: HubProcess<GatewayHubStore>;
  readonly #gateway: GatewayProcess;
  readonly #checker: GatewayChecker;
  readonly #readsSeveral: boolean;
  readonly #devices: Devices;
  #clone: GatewayProcess | undefined;
  readonly #hubFate: HubFate;
  #gatewayBackup: Image;
  #crashes = 0;
  #outageEndsAt = 0;
  /** No more new faults; those under way go on. */
  #isOver = false;
  #hasBeenOutForDays = false;
  #isPeace = false;

  constructor(options: GatewayWorldOptions) {
    this.#options = options;
    const prng = new Prng(options.seed);
    this.#prng = prng;
    this.#faults = options.faults ?? GATEWAY_FAULTS.filter(() => prng.chance(0.3));
    const policies: TopicPolicy[] = ['a', 'b', 'c'].slice(0, prng.between(1, 3)).map((topic) => ({
      topic,
      whenFull: prng.pick(['reject', 'drop-oldest']),
      lane: prng.pick(['in-order', 'live-first']),
      priority: prng.pick([0, 0, 10]),
    }));
    this.#topics = policies.map(({ topic }) => topic);
    this.#readsSeveral = prng.chance(0.5);
    const valueBytesMax = prng.pick([8, 200, 1_500]);
    const creditBytes = prng.pick([8, 16, 256]) * 1024;
    this.#around = {
      scheduler: this.#scheduler,
      prng: prng.fork(),
      network: { delayMsMax: prng.pick([0, 5, 100, 1_000]), noticeMsMax: prng.pick([0, 500, 20_000]) },
      creditBytes,
      maxFrameBytes: 8 * 1024,
      trace: (who, what, fields) => this.#trace(who, what, fields),
      settings: {
        batchBytes: prng.pick([512, 2_048, 4_096]),
        lingerMs: prng.pick([50, 200, 1_000]),
        maxReadingBytes: 4_096,
        replayBytes: prng.pick([0, 8_192, 65_536, 10_000_000]),
        maxDiskBytes: SEGMENT_BYTES * prng.pick([8, 16, 64]),
        segmentBytes: SEGMENT_BYTES,
        sealMsMax: prng.pick([0, 3, 200]),
      },
      policies: new TopicPolicies(policies),
      eagerLanes: prng.chance(0.5),
      isOffline: false,
      isWindowClosed: false,
      timerLagMs: 0,
    };
    const hubStore = new GatewayHubStore({
      clock: this.#scheduler,
      prng: prng.fork(),
      commitMsMax: prng.pick([20, 100, 300]),
      ...(options.hubFaults && { faults: options.hubFaults }),
    });
    this.#checker = new GatewayChecker(hubStore, this.#around.policies, this.#happened);
    this.#devices = new Devices({
      clock: this.#scheduler,
      topics: this.#topics,
      readsSeveral: this.#readsSeveral,
      valueBytesMax,
      promised: (record, promised) => this.#checker.promise(record, promised),
    });
    this.#hub = new HubProcess(hubStore, this.#around);
    this.#gateway = new GatewayProcess(
      'gateway',
      this.#newVolume(prng.fork()),
      this.#hub,
      this.#around,
      this.#hooks,
    );
    this.#gatewayBackup = this.#gateway.volume.backup();
    this.#hubFate = new HubFate(this.#hub, this.#scheduler, this.#happened);
  }

  async live(): Promise<GatewayOutcome> {
    const prng = this.#prng;
    const { seed } = this.#options;
    const { network, settings } = this.#around;
    this.#trace('world', 'begins', {
      seed,
      faults: this.#faults,
      network,
      settings,
      policies: this.#topics.map((topic) => this.#around.policies.of(topic)),
    });
    const hardTimesMs = prng.between(5 * SECOND, 90 * SECOND);
    this.#gateway.start();
    this.#ingest(this.#gateway, prng.fork(), prng.pick([200, 1_000, 3_000]), true);
    this.#takeBackups(prng.fork(), hardTimesMs);
    this.#strike(prng.fork(), prng.pick([1_000, 5_000, 20_000]));
    let events = await this.#run(hardTimesMs);
    this.#isOver = true;
    // What is under way for days comes to its end.
    events += await this.#run(Math.max(0, this.#outageEndsAt - this.#scheduler.now()));
    events += await this.#settleClone();
    this.#makePeace();
    events += await this.#run(2 * HEARTBEAT_MS_MAX);
    events += await this.#drain('after the last fault');
    this.#devices.publish(this.#gateway, prng, true);
    events += await this.#drain('after one more reading');
    this.#finish();
    const { violations, promisedCount, acknowledgements, divergences } = this.#checker;
    for (const violation of violations) this.#trace('checker', violation);
    return {
      seed,
      faults: this.#faults,
      violations,
      records: promisedCount,
      refused: this.#devices.refused,
      acknowledgements,
      divergences,
      gaps: this.#hub.store.everRecorded.length,
      crashes: this.#crashes,
      events,
      virtualMs: this.#scheduler.now() - START_MS,
    };
  }

  #run(ms: number): Promise<number> {
    return this.#scheduler.run(this.#scheduler.now() + ms);
  }

  async #drain(when: string): Promise<number> {
    const end = this.#scheduler.now() + SETTLE_MS;
    const isDone = () =>
      this.#gateway.isDrained && this.#gateway.core?.disk.level === 'free' && !this.#hasAlarm('disk full');
    let events = await this.#run(SETTLE_STEP_MS);
    while (!isDone() && this.#scheduler.now() < end) events += await this.#run(SETTLE_STEP_MS);
    if (isDone()) return events;
    this.#trace('world', 'is not drained', this.#gateway.describe());
    this.#checker.violated(`G11 not drained ${SETTLE_MS / 60_000} minutes ${when}`);
    return events;
  }

  #hasAlarm(name: string): boolean {
    return this.#gateway.core?.alarms.list().some((alarm) => alarm.name === name) ?? false;
  }

  #finish(): void {
    const { core } = this.#gateway;
    const streams = core === undefined ? [] : [...core.streams.list()];
    this.#checker.finish(
      new Map(
        streams.map(({ state, edge }) => [state.logId, { topic: state.topic, endOffset: edge.endOffset }]),
      ),
    );
  }

  /** Nothing more befalls anybody; one last connection compares what each side has. */
  #makePeace(): void {
    this.#trace('world', 'makes peace');
    this.#quiet();
    this.#clone?.kill();
    this.#clone = undefined;
    this.#gateway.wire?.break();
  }

  #quiet(): void {
    this.#isPeace = true;
    this.#around.isOffline = false;
    this.#around.isWindowClosed = false;
    this.#around.timerLagMs = 0;
    this.#gateway.volume.foreignBytes = 0;
    this.#gateway.volume.stallMs = 0;
    if (!this.#hub.up) this.#hub.start();
    this.#gateway.start();
  }

  /** G12: of two gateways with one name the hub takes one, and the other one knows. */
  async #settleClone(): Promise<number> {
    const clone = this.#clone;
    if (clone === undefined) return 0;
    this.#quiet();
    this.#trace('world', 'waits for an end of two gateways with one name');
    const both = [this.#gateway, clone];
    for (const process of both) process.start();
    const refusedBefore = both.map(({ refusedAsDuplicate }) => refusedAsDuplicate);
    const events = await this.#run(CLONE_MS);
    const isRefused = both.map(({ refusedAsDuplicate }, i) => refusedAsDuplicate > refusedBefore[i]!);
    const isLive = both.map((process) => process.isLive);
    const isClear = (isLive[0] && isRefused[1]) || (isLive[1] && isRefused[0]);
    if (!isClear || (isLive[0] && isLive[1]))
      this.#checker.violated(`G12 live: ${isLive.join(' and ')}, refused: ${isRefused.join(' and ')}`);
    return events;
  }

  #ingest(process: GatewayProcess, prng: Prng, everyMsMax: number, isOriginal: boolean): void {
    if (this.#isPeace || (!isOriginal && process !== this.#clone)) return;
    this.#devices.publish(process, prng, isOriginal);
    this.#scheduler.after(prng.between(1, everyMsMax) + 4 * this.#around.timerLagMs, () =>
      this.#ingest(process, prng, everyMsMax, isOriginal),
    );
  }

  #takeBackups(prng: Prng, hardTimesMs: number): void {
    this.#scheduler.after(prng.between(0, hardTimesMs), () => this.#hubFate.takeBackup());
    this.#scheduler.after(prng.between(0, hardTimesMs), () => {
      this.#gatewayBackup = this.#gateway.volume.backup();
    });
  }

  #strike(prng: Prng, everyMsMax: number): void {
    if (this.#isPeace || this.#faults.length === 0) return;
    this.#scheduler.after(prng.between(1, everyMsMax) + 4 * this.#around.timerLagMs, () => {
      if (this.#isPeace || this.#isOver) return;
      const fault = prng.pick(this.#faults);
      this.#trace('world', fault);
      this.#blows[fault](prng);
      this.#strike(prng, everyMsMax);
    });
  }

  readonly #blows: Record<GatewayFault, (prng: Prng) => void> = {
    break: (prng) => this.#gateway.wire?.break(prng.pick(['agent', 'hub', undefined])),
    cut: (prng) =>
      this.#gateway.wire?.cutTowards(prng.pick(['agent', 'hub']), prng.between(1_000, HEARTBEAT_MS_MAX)),
    outage: (prng) => this.#beginOutage(prng),
    killGateway: (prng) => this.#killGateway(prng),
    powerCut: (prng) => {
      const { machine } = this.#gateway;
      const now = this.#scheduler.now();
      this.#killGateway(prng);
      machine.powerCut(prng.pick([0, now, now - prng.between(0, DAY), now - 3 * YEAR]));
    },
    killHub: (prng) => this.#hubFate.kill(prng),
    moveLeader: (prng) => this.#hub.store.moveLeader(prng.between(0, 3), prng.pick([0, 200, 3_000])),
    clockJump: (prng) => {
      const byMs = prng.pick([2 * SECOND, 50 * SECOND, HOUR, DAY, 12 * YEAR, 40 * YEAR]);
      this.#gateway.machine.skewMs += byMs * prng.pick([1, -1]);
    },
    clockSync: () => {
      const { machine, core } = this.#gateway;
      machine.skewMs = 0;
      core?.clock.onSystemSynchronized(machine.wallMs());
    },
    burst: (prng) => {
      const count = prng.between(10, 120);
      for (let i = 0; i < count; i++) this.#burst(prng, i * prng.between(0, 20));
    },
    fillDisk: (prng) => {
      const { volume } = this.#gateway;
      volume.foreignBytes += Math.max(0, volume.freeBytes - prng.pick([0, 100, 5_000, 2 * SEGMENT_BYTES]));
      this.#scheduler.after(prng.between(SECOND, 30 * SECOND), () => {
        volume.foreignBytes = 0;
      });
    },
    stallDisk: (prng) => {
      const { volume } = this.#gateway;
      volume.stallMs = prng.pick([500, 5_000]);
      this.#scheduler.after(prng.between(SECOND, 10 * SECOND), () => {
        volume.stallMs = 0;
      });
    },
    damage: (prng) => this.#damage(prng),
    poison: () => {
      if (this.#hub.store.poison.size < POISON_MAX) this.#hub.store.poison.add(this.#devices.nextRecord);
    },
    closeWindow: (prng) => {
      this.#around.isWindowClosed = true;
      this.#scheduler.after(prng.between(SECOND, 60 * SECOND), () => {
        this.#around.isWindowClosed = false;
        this.#gateway.notify();
      });
    },
    wipeHub: (prng) => this.#hubFate.wipe(prng),
    restoreHub: (prng) => this.#hubFate.restore(prng),
    restoreGateway: (prng) => {
      this.#happened.mayDiverge = true;
      this.#happened.timelinesFork = true;
      this.#killGateway(prng);
      const { volume } = this.#gateway;
      volume.restore(this.#gatewayBackup);
      const ends = new Map<string, number>();
      for (const { name, end, tail } of volume.durable.partitions.values()) {
        const last = tail.at(-1);
        ends.set(name, last === undefined ? end : last.baseOffset + last.recordCount);
      }
      this.#checker.rolledBack(ends);
    },
    clone: (prng) => this.#startClone(prng),
  };

  /** Seconds, mostly; hours and days are looked at less closely. */
  #beginOutage(prng: Prng): void {
    if (this.#around.isOffline) return;
    const longMs = this.#hasBeenOutForDays ? SECOND : prng.pick([prng.between(1, 12) * HOUR, 3 * DAY]);
    const lastsMs = prng.pick([SECOND, 20 * SECOND, 120 * SECOND, longMs]);
    this.#hasBeenOutForDays ||= lastsMs === longMs;
    this.#outageEndsAt = this.#scheduler.now() + lastsMs;
    this.#around.isOffline = true;
    this.#around.timerLagMs = lastsMs >= HOUR ? Math.floor(lastsMs / OUTAGE_STEPS) : 0;
    this.#gateway.wire?.break();
    this.#scheduler.after(lastsMs, () => {
      this.#around.isOffline = false;
      this.#around.timerLagMs = 0;
    });
  }

  #burst(prng: Prng, inMs: number): void {
    this.#scheduler.after(inMs, () => this.#devices.publish(this.#gateway, prng, true));
  }

  /** Bits rot in a batch, or in several. */
  #damage(prng: Prng): void {
    const { durable, live } = this.#gateway.volume;
    const partition = durable.partitions.get(prng.pick(this.#topics));
    if (partition === undefined || partition.batches.length === 0) return;
    const first = prng.between(0, partition.batches.length - 1);
    const hit = partition.batches.slice(first, first + prng.between(1, 3));
    for (const { base, next } of hit)
      for (const image of [durable, live])
        for (const batch of image.partitions.get(partition.name)?.batches ?? [])
          if (batch.base === base && batch.next === next) batch.damage = 'CRC mismatch';
    const state = durable.values.get(`stream/${partition.name}`);
    const stream = this.#gateway.core && streamIn(this.#gateway.core.streams, partition.name);
    const { logId } = stream?.state ?? (JSON.parse(state!.toString()) as { logId: string });
    for (const { base, next } of hit) this.#checker.damaged({ logId, from: base, to: next }, this.#gateway);
  }

  #killGateway(prng: Prng): void {
    if (this.#gateway.core === undefined) return;
    this.#crashes++;
    this.#gateway.kill();
    this.#scheduler.after(prng.between(0, 5 * SECOND), () => this.#gateway.start());
  }

  /** A copy of the card in a second machine, for a while or to the end. */
  #startClone(prng: Prng): void {
    if (this.#clone !== undefined) return;
    this.#happened.mayDiverge = true;
    this.#happened.timelinesFork = true;
    const volume = this.#newVolume(prng.fork());
    volume.restore(this.#gateway.volume.durable);
    const clone = new GatewayProcess('clone', volume, this.#hub, this.#around, {
      looked: () => {},
      started: () => {},
      diverged: (run, reason) => this.#checker.diverged(run, reason),
      keptAside: () => {},
    });
    this.#clone = clone;
    clone.start();
    this.#ingest(clone, prng.fork(), 500, false);
    if (prng.chance(0.5)) return;
    this.#scheduler.after(prng.between(SECOND, 60 * SECOND), () => {
      if (this.#isPeace || this.#clone !== clone) return;
      clone.kill();
      this.#clone = undefined;
    });
  }

  #newVolume(prng: Prng): Volume {
    const { volumeFaults } = this.#options;
    const { maxDiskBytes } = this.#around.settings;
    return new Volume({
      clock: this.#scheduler,
      prng,
      flushMsMax: this.#prng.pick([0, 5, 300]),
      segmentBytes: SEGMENT_BYTES,
      capacityBytes: 2 * maxDiskBytes,
      ...(volumeFaults && { faults: volumeFaults }),
    });
  }

  readonly #hooks: GatewayHooks = {
    looked: () => {
      if (this.#gateway.core !== undefined)
        this.#checker.look(this.#gateway, this.#around.settings.maxDiskBytes);
    },
    started: () => this.#checker.started(this.#gateway, !this.#readsSeveral),
    diverged: (run, reason) => this.#checker.diverged(run, reason),
    keptAside: () => {},
  };

  #trace(who: string, what: string, fields?: unknown): void {
    const { trace } = this.#options;
    if (trace === undefined) return;
    const time = ((this.#scheduler.now() - START_MS) / 1000).toFixed(3).padStart(9);
    trace(`${time} ${who.padEnd(8)} ${what}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
  }
}

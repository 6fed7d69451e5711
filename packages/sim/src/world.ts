import { AgentStore, type AgentStoreHooks } from './agent-store.ts';
import { Checker, type WhatHappened } from './checker.ts';
import { HubFate } from './hub-fate.ts';
import { type HubFaults, HubStore } from './hub-store.ts';
import { Prng } from './prng.ts';
import { AgentProcess, HubProcess, type Surroundings } from './processes.ts';
import { Scheduler } from './scheduler.ts';

export const FAULTS = [
  'break',
  'cut',
  'killAgent',
  'killHub',
  'moveLeader',
  'dropOldest',
  'poison',
  'damage',
  'wipeHub',
  'restoreHub',
  'restoreAgent',
  'clone',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface WorldOptions {
  seed: number;
  /** Default: drawn from the seed, a subset of all. */
  faults?: readonly Fault[];
  hubFaults?: HubFaults;
  keepAcked?: number;
  /** Default: drawn from the seed. */
  liveFirst?: boolean;
  trace?: (line: string) => void;
}

export interface Outcome {
  seed: number;
  faults: readonly Fault[];
  violations: string[];
  records: number;
  acknowledgements: number;
  divergences: number;
  gaps: number;
  events: number;
  virtualMs: number;
}

/** Virtual time for everything to settle once the faults are over: a refused gateway stays away for two minutes. */
const SETTLE_MS = 30 * 60_000;
/** Each costs its run some minutes of refusals before it is set aside. */
const POISON_MAX = 3;
const HEARTBEAT_MS_MAX = 30_000;
const SETTLE_STEP_MS = 5_000;

/** One gateway, one hub, a network and a series of misfortunes, all from one seed. Then peace, and the reckoning. */
export async function runWorld(options: WorldOptions): Promise<Outcome> {
  const world = new World(options);
  return world.live();
}

class World {
  readonly #options: WorldOptions;
  readonly #prng: Prng;
  readonly #scheduler = new Scheduler();
  readonly #startMs = this.#scheduler.now();
  readonly #around: Surroundings;
  readonly #happened: WhatHappened = { timelinesFork: false, mayDiverge: false, hubLostData: false };
  readonly #hub: HubProcess<HubStore>;
  readonly #agent: AgentProcess;
  readonly #checker: Checker;
  readonly #faults: readonly Fault[];
  readonly #topics: string[];
  readonly #storeOptions: ConstructorParameters<typeof AgentStore>[0];
  #clone: AgentProcess | undefined;
  #clones = 0;
  readonly #hubFate: HubFate;
  #agentBackup: ReturnType<AgentStore['backup']>;
  #nextRecord = 0;
  #peace = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    const prng = new Prng(options.seed);
    this.#prng = prng;
    this.#faults = options.faults ?? FAULTS.filter(() => prng.chance(0.4));
    const creditBytes = prng.pick([4, 16, 256]) * 1024;
    this.#around = {
      scheduler: this.#scheduler,
      prng: prng.fork(),
      network: { delayMsMax: prng.pick([0, 5, 100, 1_000]), noticeMsMax: prng.pick([0, 500, 20_000]) },
      creditBytes,
      maxFrameBytes: Math.min(creditBytes, prng.pick([2, 4]) * 1024),
      liveFirst: options.liveFirst ?? prng.chance(0.5),
      trace: (who, what, fields) => this.#trace(who, what, fields),
    };
    this.#topics = ['a', 'b', 'c'].slice(0, prng.between(1, 3));
    const commitMsMax = prng.pick([0, 5, 300]);
    const hubFaults = options.hubFaults === undefined ? {} : { faults: options.hubFaults };
    const hubStore = new HubStore({ clock: this.#scheduler, prng: prng.fork(), commitMsMax, ...hubFaults });
    this.#checker = new Checker(hubStore, this.#happened);
    this.#storeOptions = {
      clock: this.#scheduler,
      prng: prng.fork(),
      gateway: 'gw',
      topics: this.#topics,
      flushMsMax: prng.pick([0, 5, 300]),
      keepAcked: options.keepAcked ?? prng.pick([0, 1, 5, 1_000]),
    };
    const store = new AgentStore(this.#storeOptions, this.#hooks(true));
    this.#agentBackup = store.backup();
    this.#hub = new HubProcess(hubStore, this.#around);
    this.#hubFate = new HubFate(this.#hub, this.#scheduler, this.#happened);
    this.#agent = new AgentProcess('agent', store, () => this.#hub, this.#around);
  }

  async live(): Promise<Outcome> {
    const prng = this.#prng;
    const { seed } = this.#options;
    this.#trace('world', 'begins', { seed, faults: this.#faults, network: this.#around.network });
    const hardTimesMs = prng.between(5_000, 120_000);
    this.#ingest(this.#agent, prng.fork(), prng.pick([20, 200, 1_000]));
    this.#takeBackups(prng.fork(), hardTimesMs);
    this.#strike(prng.fork(), prng.pick([300, 3_000, 20_000]));
    let events = await this.#scheduler.run(this.#startMs + hardTimesMs);
    this.#makePeace();
    const end = this.#scheduler.now() + SETTLE_MS;
    // Both ends have heard by then of whatever befell their last connection.
    events += await this.#scheduler.run(this.#scheduler.now() + 2 * HEARTBEAT_MS_MAX);
    while (!this.#settled() && this.#scheduler.now() < end) {
      events += await this.#scheduler.run(this.#scheduler.now() + SETTLE_STEP_MS);
    }
    if (!this.#settled())
      this.#checker.violations.push(`not drained ${SETTLE_MS / 60_000} minutes after the last fault`);
    this.#checker.finish();
    const { violations, promised, acknowledgements, divergences, gaps } = this.#checker;
    for (const violation of violations) this.#trace('checker', violation);
    return {
      seed,
      faults: this.#faults,
      violations,
      records: promised,
      acknowledgements,
      divergences,
      gaps,
      events,
      virtualMs: this.#scheduler.now() - this.#startMs,
    };
  }

  #settled(): boolean {
    return this.#agent.atRest && this.#agent.store.stored().every(({ drained }) => drained);
  }

  /** No more faults; one last connection compares what each side has. */
  #makePeace(): void {
    this.#trace('world', 'makes peace');
    this.#peace = true;
    this.#clone?.kill();
    this.#clone = undefined;
    if (!this.#hub.up) this.#hub.start();
    if (!this.#agent.up) this.#agent.start();
    this.#agent.wire?.break();
  }

  #ingest(process: AgentProcess, prng: Prng, everyMsMax: number): void {
    if (this.#peace) return;
    if (process.up) {
      const records = Array.from({ length: prng.between(1, 5) }, () => this.#nextRecord++);
      void process.store
        .ingest(prng.between(0, this.#topics.length - 1), records)
        .then(() => process.notify());
    }
    this.#scheduler.after(prng.between(1, everyMsMax), () => this.#ingest(process, prng, everyMsMax));
  }

  #takeBackups(prng: Prng, hardTimesMs: number): void {
    this.#scheduler.after(prng.between(0, hardTimesMs), () => this.#hubFate.takeBackup());
    this.#scheduler.after(prng.between(0, hardTimesMs), () => {
      this.#agentBackup = this.#agent.store.backup();
    });
  }

  #strike(prng: Prng, everyMsMax: number): void {
    if (this.#peace || this.#faults.length === 0) return;
    this.#scheduler.after(prng.between(1, everyMsMax), () => {
      if (this.#peace) return;
      const fault = prng.pick(this.#faults);
      this.#trace('world', fault);
      this.#blows[fault](prng);
      this.#strike(prng, everyMsMax);
    });
  }

  readonly #blows: Record<Fault, (prng: Prng) => void> = {
    break: (prng) => this.#agent.wire?.break(prng.pick(['agent', 'hub', undefined])),
    cut: (prng) =>
      this.#agent.wire?.cutTowards(prng.pick(['agent', 'hub']), prng.between(1_000, HEARTBEAT_MS_MAX)),
    killAgent: (prng) => this.#killAgent(prng),
    killHub: (prng) => this.#hubFate.kill(prng),
    moveLeader: (prng) => this.#hub.store.moveLeader(prng.between(0, 3), prng.pick([0, 200, 3_000])),
    dropOldest: (prng) =>
      this.#agent.store.dropOldest(prng.between(0, this.#topics.length - 1), prng.between(1, 5)),
    poison: () => {
      if (this.#hub.store.poison.size < POISON_MAX) this.#hub.store.poison.add(this.#nextRecord);
    },
    damage: (prng) => {
      // What the hub got of it, and did not acknowledge, cannot be compared any more.
      this.#happened.mayDiverge = true;
      this.#happened.timelinesFork = true;
      this.#agent.store.damage(prng.between(0, this.#topics.length - 1), prng.between(0, 3));
    },
    wipeHub: (prng) => this.#hubFate.wipe(prng),
    restoreHub: (prng) => this.#hubFate.restore(prng),
    restoreAgent: (prng) => {
      this.#happened.mayDiverge = true;
      this.#happened.timelinesFork = true;
      this.#killAgent(prng);
      this.#agent.store.restore(this.#agentBackup);
      this.#checker.rolledBack(this.#agent.store);
    },
    clone: (prng) => this.#startClone(prng),
  };

  #killAgent(prng: Prng): void {
    if (!this.#agent.up) return;
    this.#agent.kill();
    this.#scheduler.after(prng.between(0, 5_000), () => {
      if (!this.#agent.up) this.#agent.start();
    });
  }

  /** A copy of the card in a second machine, for a while. */
  #startClone(prng: Prng): void {
    if (this.#clone !== undefined) return;
    this.#happened.mayDiverge = true;
    this.#happened.timelinesFork = true;
    const instancePrefix = `clone${++this.#clones}`;
    const store = new AgentStore(
      { ...this.#storeOptions, prng: prng.fork(), instancePrefix },
      this.#hooks(false),
    );
    store.restore(this.#agent.store.backup());
    const clone = new AgentProcess(instancePrefix, store, () => this.#hub, this.#around);
    this.#clone = clone;
    this.#ingest(clone, prng.fork(), 500);
    this.#scheduler.after(prng.between(1_000, 60_000), () => {
      clone.kill();
      if (this.#clone === clone) this.#clone = undefined;
    });
  }

  #hooks(isOriginal: boolean): AgentStoreHooks {
    return {
      acknowledged: (run, position) => this.#checker.acknowledged(run, position),
      durable: (logId, base, records) => {
        if (isOriginal) this.#checker.durable(logId, base, records);
      },
      diverged: (run, reason) => this.#checker.diverged(run, reason),
      gapDeclared: (gap) => {
        if (isOriginal) this.#checker.gapDeclared(gap);
        this.#trace('agent', 'declares a gap', gap);
      },
      refused: (run, code, message) => {
        if (code !== 'batch-too-large' || this.#hub.store.poison.size === 0)
          this.#checker.violations.push(`run ${run.producerId} was refused: ${code}, ${message}`);
      },
    };
  }

  #trace(who: string, what: string, fields?: unknown): void {
    const { trace } = this.#options;
    if (trace === undefined) return;
    const time = ((this.#scheduler.now() - this.#startMs) / 1000).toFixed(3).padStart(9);
    trace(`${time} ${who.padEnd(8)} ${what}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
  }
}

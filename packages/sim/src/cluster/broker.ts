import type { Prng } from '../prng.ts';
import type { Scheduler } from '../scheduler.ts';
import { SimLog } from './disk.ts';
import type { History } from './history.ts';
import type { KvClient, SimKv } from './kv.ts';
import type { Node, SimNetwork } from './network.ts';
import { BrokerProcess } from './process.ts';

/** Bugs in the shell, put in on purpose. */
export type Bug =
  | 'ackBeforeReplication'
  | 'confirmBeforeFlush'
  | 'truncateToHighWatermark'
  | 'ignoreEpochs'
  | 'keepLeading'
  | 'leadUnderOldRegistration'
  | 'trustAnyDisk'
  | 'changeIsrWithoutComparing'
  | 'serveBeyondHighWatermark'
  | 'forgetSequences'
  | 'openRunUncommitted';

export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly kv: SimKv;
  readonly network: SimNetwork;
  readonly history: History;
  readonly brokers: readonly SimBroker[];
  readonly bugs: ReadonlySet<Bug>;
  readonly leaseMs: number;
  readonly lagMsMax: number;
  readonly flushMsMax: number;
  readonly trace: (who: string, what: string, fields?: object) => void;
}

/** A machine with a disk, on which a broker's process runs, or not, or stands still. */
export class SimBroker implements Node, KvClient {
  readonly id: number;
  readonly name: string;
  readonly #around: Surroundings;
  readonly logs = new Map<string, SimLog>();
  /** On the disk: the mark that was last seen in the metadata, and one that may be there by now. */
  marks: readonly string[] = [];
  #process: BrokerProcess | undefined;
  #pausedUntil = 0;
  #held: (() => void)[] = [];
  #marks = 0;
  slowDisk = 1;
  /** What else lives and dies with the process. */
  readonly companions: { started: () => void; killed: () => void }[] = [];
  #clockRate = 1;
  /** What the clock shows, and when, since it began to run at this rate. */
  #clockFrom = { shown: 0, at: 0 };

  constructor(id: number, around: Surroundings) {
    this.id = id;
    this.name = `broker ${id}`;
    this.#around = around;
  }

  /** This machine's steady clock, which need not keep pace with the others. */
  now(): number {
    return this.#clockFrom.shown + (this.#around.scheduler.now() - this.#clockFrom.at) * this.#clockRate;
  }

  set clockRate(rate: number) {
    this.#clockFrom = { shown: this.now(), at: this.#around.scheduler.now() };
    this.#clockRate = rate;
  }

  readonly reaches = (): boolean => this.#around.network.reaches(this.name, 'etcd');

  get process(): BrokerProcess | undefined {
    return this.#process;
  }

  log(partition: string): SimLog {
    let log = this.logs.get(partition);
    if (log === undefined) {
      const { scheduler, prng, flushMsMax } = this.#around;
      log = new SimLog(scheduler, prng.fork(), () => flushMsMax * this.slowDisk);
      this.logs.set(partition, log);
    }
    return log;
  }

  start(): void {
    if (this.#process !== undefined) return;
    this.#process = new BrokerProcess(this, this.#around);
    this.#process.start();
    for (const { started } of this.companions) started();
  }

  kill(): void {
    this.#process?.end();
    this.#process = undefined;
    this.#pausedUntil = 0;
    this.#held = [];
    for (const log of this.logs.values()) log.crash();
    for (const { killed } of this.companions) killed();
  }

  /**
   * A mark to replace the `known` one, which this disk has; durable at once. The same again until it was seen in the metadata, for
   * it may be there already. Undefined for a disk that is not the known one: its mark is a new one in any case.
   */
  markAnew(known: string | undefined): string {
    const pending = known === undefined ? undefined : this.marks.at(-1);
    const mark = pending === undefined || pending === known ? `${this.id}-${this.#marks++}` : pending;
    this.marks = known === undefined ? [mark] : [known, mark];
    return mark;
  }

  /** All that it hears and all its timers wait. */
  pause(ms: number): void {
    this.#pausedUntil = this.#around.scheduler.now() + ms;
  }

  /** A new, empty disk. The process must be dead. */
  wipe(): void {
    for (const log of this.logs.values()) log.wipe();
    this.marks = [];
  }

  /** For a test: the disk as it is now, to come back to. */
  backup(): () => void {
    const marks = this.marks;
    const logs = [...this.logs].map(([name, log]) => [name, log.backup()] as const);
    return () => {
      this.marks = marks;
      for (const log of this.logs.values()) log.wipe();
      for (const [name, state] of logs) this.log(name).restore(state);
    };
  }

  run(action: () => void): void {
    if (this.#process === undefined) return;
    this.#held.push(action);
    this.#release();
  }

  /** In the order in which it came, once the process runs again. */
  #release(): void {
    const wait = this.#pausedUntil - this.#around.scheduler.now();
    if (wait > 0) this.#around.scheduler.after(wait, () => this.#release());
    else for (const action of this.#held.splice(0)) action();
  }
}

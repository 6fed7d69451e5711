import { sinkSettings } from '@edgelog/sink/settings.ts';
import { openKafkaSink } from '@edgelog/sink/sink.ts';
import type { KafkaSink, SinkTimers } from '@edgelog/sink/sink-types.ts';
import { ModelGateway } from '@edgelog/sink/testing/model-gateway.ts';
import { type ModelClient, ModelKafka } from '@edgelog/sink/testing/model-kafka.ts';
import { VirtualTime } from '@edgelog/sink/testing/virtual-time.ts';
import { silent } from '../fixtures.ts';
import { Prng } from '../prng.ts';
import { type Archived, notThere, wrongWith } from './checker.ts';
import { drawPlan, type KafkaFault, type Plan } from './plan.ts';
import { type Tell, tracedHub, tracedLog } from './tracing.ts';

const START_AT = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const FAULTY_MS = 10 * 60_000;
const QUIET_MS = 4 * 3_600_000;
const FAR_MS = 200;
const PROCESSES = 3;
const PARTITIONS = 2;
const TOPIC = 'telemetry';

export interface KafkaWorldOptions {
  readonly seed: number;
  /** Drawn where they are not given. */
  readonly faults?: readonly KafkaFault[];
  readonly trace?: (line: string) => void;
}

export interface KafkaOutcome {
  readonly seed: number;
  readonly faults: readonly KafkaFault[];
  /** What does not hold (README, X1 to X5). */
  readonly violations: readonly string[];
  readonly batches: number;
  readonly openings: number;
  readonly virtualMs: number;
}

/** Sinks in some processes, gateways that go from one to another, and a cluster to which everything happens, in ten minutes of virtual time. */
export async function runKafka(options: KafkaWorldOptions): Promise<KafkaOutcome> {
  const world = new World(options);
  await world.run();
  return world.outcome();
}

interface Process {
  readonly client: ModelClient;
  sink: KafkaSink | undefined;
}

class World {
  readonly #options: KafkaWorldOptions;
  readonly #prng: Prng;
  readonly #plan: Plan;
  readonly #time = new VirtualTime(START_AT);
  readonly #kafka: ModelKafka;
  readonly #configs: Readonly<Record<string, string>>;
  readonly #gateways: ModelGateway[];
  readonly #processes: Process[];
  readonly #archive: Archived[] = [];
  readonly #problems: string[] = [];
  readonly #seen = new Set<string>();
  #instances = 0;
  #openings = 0;

  constructor(options: KafkaWorldOptions) {
    this.#options = options;
    this.#prng = new Prng(options.seed);
    this.#plan = drawPlan(this.#prng, options.faults);
    const random = () => this.#prng.next();
    this.#kafka = new ModelKafka({
      time: this.#time,
      random,
      expirationMs: DAY_MS,
      partitions: PARTITIONS,
    });
    this.#configs = this.#plan.isAppendTime ? { 'message.timestamp.type': 'LogAppendTime' } : {};
    this.#kafka.create(TOPIC, { configs: this.#configs });
    this.#gateways = Array.from({ length: this.#plan.gateways }, (_, number) => this.#gateway(number));
    this.#processes = Array.from({ length: PROCESSES }, () => this.#start());
  }

  get #isFaulty(): boolean {
    return this.#time.now < START_AT + FAULTY_MS;
  }

  /** Until all gateways are done, or nothing further comes of it. */
  async run(): Promise<void> {
    this.#tell('world', 'begins', this.#plan);
    for (const gateway of this.#gateways) {
      this.#drive(gateway).catch((error: unknown) => this.#problems.push(String(error)));
    }
    this.#notify();
    this.#disturb();
    const isOver = () => this.#problems.length > 0 || this.#gateways.every(isOut);
    await this.#time.run(START_AT + FAULTY_MS + QUIET_MS, isOver);
    this.#keep();
    for (const process of this.#processes) this.#end(process);
  }

  outcome(): KafkaOutcome {
    const { faults, clonedAfter } = this.#plan;
    const check = clonedAfter === undefined ? wrongWith : notThere;
    const wrong = this.#gateways.flatMap((gateway) => check(gateway, this.#archive));
    return {
      ...{ seed: this.#options.seed, faults, violations: [...this.#problems, ...wrong] },
      ...{ batches: this.#archive.length, openings: this.#openings, virtualMs: this.#time.now - START_AT },
    };
  }

  #gateway(number: number): ModelGateway {
    const { clonedAfter, firstOffset, oldShare, batches } = this.#plan;
    const seed = clonedAfter === undefined ? number : number - (number % 2);
    const own = new Prng(this.#options.seed + seed);
    const plan = Array.from({ length: batches }, () => {
      const records = clonedAfter === undefined ? own.between(1, 4) : 1;
      return { records, time: own.chance(oldShare) ? START_AT - 30 * DAY_MS : START_AT };
    });
    const batch = (i: number) => {
      const { records, time } = plan[i]!;
      const isOther = clonedAfter !== undefined && i >= clonedAfter && number % 2 === 1;
      return { records, time: isOther ? time + 1 : time };
    };
    const burst = this.#prng.between(1, 40);
    const sealed = () =>
      Math.floor(((this.#time.now - START_AT) / FAULTY_MS) * (batches / burst) + 1) * burst;
    return new ModelGateway({ number: seed, topic: TOPIC, firstOffset, batch, batches, sealed });
  }

  #start(): Process {
    const client = this.#kafka.client();
    client.lossy = this.#isFaulty ? this.#plan.lossy : 0;
    const process: Process = { client, sink: undefined };
    const instance = `process-${++this.#instances}`;
    // In some worlds every third process has a slow link.
    const { seed } = this.#options;
    client.farMs = this.#instances % 3 === 0 ? (seed % 4) * FAR_MS : 0;
    const now = () => this.#time.now;
    // One that was killed does nothing any more.
    const timers: SinkTimers = { after: (ms, act) => this.#time.after(ms, () => client.isDead || act()) };
    const log = this.#options.trace === undefined ? silent : tracedLog(instance, this.#tell);
    const clocks = { timers, now, monotonic: now, instance };
    openKafkaSink({ cluster: client, log, settings: sinkSettings(), ...clocks }).then(
      (sink) => {
        process.sink = sink;
      },
      () => {},
    );
    return process;
  }

  #end({ client, sink }: Process): void {
    this.#openings += sink?.status().openings ?? 0;
    client.die();
  }

  /** From sink to sink, in sessions of up to a minute. */
  async #drive(gateway: ModelGateway): Promise<void> {
    const pause = (ms: number) => new Promise<void>((resolve) => void this.#time.after(ms, resolve));
    let at = this.#prng.between(0, PROCESSES - 1);
    while (!isOut(gateway)) {
      if (this.#prng.chance(0.3)) at = this.#prng.between(0, PROCESSES - 1);
      const process = this.#processes[at]!;
      if (process.sink === undefined) {
        if (!this.#isFaulty) this.#processes[at] = this.#start();
        await pause(500);
        continue;
      }
      const endLeaving = this.#time.after(this.#isFaulty ? this.#prng.next() * 60_000 : QUIET_MS, () =>
        gateway.leave(),
      );
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      let endWatch = () => {};
      const watch = () => {
        if (this.#processes[at] !== process) resolve();
        else endWatch = this.#time.after(1_000, watch);
      };
      watch();
      const { sink } = process;
      const hub = this.#options.trace === undefined ? sink : tracedHub(sink, gateway.name, this.#tell);
      await Promise.race([gateway.send(hub, this.#prng.between(1, 8)), gone]);
      gateway.leave();
      endWatch();
      endLeaving();
      await pause(this.#prng.between(200, 2_200));
    }
  }

  #notify(): void {
    for (const gateway of this.#gateways) gateway.notify();
    if (!this.#gateways.every(isOut)) this.#time.after(1_000, () => this.#notify());
  }

  #disturb(): void {
    this.#keep();
    if (!this.#isFaulty) {
      for (const { client } of this.#processes) client.lossy = 0;
      return;
    }
    this.#time.after(this.#prng.next() * 8_000, () => this.#disturb());
    const partition = this.#prng.pick([...this.#kafka.partitions()]);
    const dice = this.#prng.next();
    if (dice < 0.25) this.#do('elect', () => this.#kafka.elect(partition, this.#prng.between(0, 2)));
    else if (dice < 0.55) this.#do('forget', () => this.#kafka.forget(partition));
    else if (dice < 0.75) this.#do('kill', () => this.#kill(this.#prng.pick(this.#processes)));
    else if (dice < 0.8) this.#do('trim', () => this.#trim(this.#prng.between(0, PARTITIONS - 1)));
    else if (dice < 0.82) this.#do('recreate', () => this.#recreate());
  }

  #do(fault: KafkaFault, act: () => void): void {
    if (!this.#plan.faults.includes(fault)) return;
    this.#tell('fault', fault);
    act();
  }

  #kill(dying: Process): void {
    this.#end(dying);
    this.#processes[this.#processes.indexOf(dying)] = this.#start();
  }

  #trim(partition: number): void {
    const data = this.#kafka.topic(TOPIC)?.partitions[partition];
    data?.trim(this.#prng.between(0, data.highWatermark));
  }

  #recreate(): void {
    this.#kafka.delete(TOPIC);
    this.#time.after(this.#prng.next() * 5_000, () => this.#kafka.create(TOPIC, { configs: this.#configs }));
  }

  /** What is committed now, before anything of it is deleted. */
  #keep(): void {
    const topic = this.#kafka.topic(TOPIC);
    topic?.partitions.forEach(({ log, highWatermark, logStartOffset }, partition) => {
      for (const { header } of log) {
        const key = `${topic.id} ${partition} ${header.baseOffset}`;
        if (header.lastOffset >= highWatermark || this.#seen.has(key)) continue;
        this.#seen.add(key);
        const { producerId, baseSequence: from, recordCount: records, baseOffset, crc } = header;
        const batch = { producerId, from, records, baseOffset, crc, logStartOffset };
        this.#archive.push({ topicId: topic.id, partition, ...batch });
      }
    });
  }

  readonly #tell: Tell = (who, what, fields) => {
    const { trace } = this.#options;
    if (trace === undefined) return;
    const time = ((this.#time.now - START_AT) / 1000).toFixed(3).padStart(9);
    trace(`${time} ${who.padEnd(10)} ${what}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}`);
  };
}

const isOut = ({ isDone, isDiverged }: ModelGateway): boolean => isDone || isDiverged;

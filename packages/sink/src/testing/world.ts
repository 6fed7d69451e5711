import { silentLogger } from '@edgelog/runtime';
import { sinkSettings } from '../settings.ts';
import { openKafkaSink } from '../sink.ts';
import type { KafkaSink } from '../sink-types.ts';
import { ModelGateway } from './model-gateway.ts';
import { type ModelClient, ModelKafka } from './model-kafka.ts';
import { VirtualTime } from './virtual-time.ts';

export const START_AT = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const FAULTY_MS = 10 * 60_000;
const QUIET_MS = 4 * 3_600_000;
const PROCESSES = 3;
export const TOPIC = 'telemetry';

export interface WorldOptions {
  readonly seed: number;
  readonly gateways: number;
  /** Share of requests that are lost, refused for the moment, or slow. */
  readonly lossy: number;
  readonly isAppendTime: boolean;
  /** Share of records that are a month old: their producers are forgotten at any moment. */
  readonly oldShare: number;
  readonly firstOffset: number;
  /** Whether the topic is deleted and created again. */
  readonly recreates: boolean;
  /** Whether the oldest records are deleted. */
  readonly trims: boolean;
  /** Batches of each gateway. */
  readonly batches: number;
  /** Every second gateway has the same run as the one before it, and the same batches up to this one. */
  readonly clonedAfter?: number;
}

/** A committed batch, as it was found in the log at some time. */
export interface Archived {
  readonly topicId: string;
  readonly partition: number;
  readonly producerId: number;
  readonly from: number;
  readonly records: number;
  readonly baseOffset: number;
  readonly crc: number;
  /** Before which the log was deleted when it was committed. */
  readonly logStartOffset: number;
}

interface Process {
  readonly client: ModelClient;
  sink: KafkaSink | undefined;
}

/** Sinks in some processes, gateways that go from one to another, and a cluster to which everything happens, in ten minutes of virtual time. */
export class SinkWorld {
  readonly gateways: ModelGateway[];
  readonly archive: Archived[] = [];
  readonly problems: string[] = [];
  readonly #options: WorldOptions;
  readonly #random: () => number;
  readonly #time = new VirtualTime(START_AT);
  readonly #kafka: ModelKafka;
  readonly #configs: Readonly<Record<string, string>>;
  readonly #processes: Process[];
  readonly #seen = new Set<string>();
  #instances = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = prng(options.seed);
    const [time, random] = [this.#time, this.#random];
    this.#kafka = new ModelKafka({ time, random, expirationMs: DAY_MS, partitions: 2 });
    this.#configs = options.isAppendTime ? { 'message.timestamp.type': 'LogAppendTime' } : {};
    this.#kafka.create(TOPIC, { configs: this.#configs });
    this.gateways = Array.from({ length: options.gateways }, (_, number) => this.#gateway(number));
    this.#processes = Array.from({ length: PROCESSES }, () => this.#start());
  }

  get #isFaulty(): boolean {
    return this.#time.now < START_AT + FAULTY_MS;
  }

  /** Until all gateways are done, or nothing further comes of it. */
  async run(): Promise<void> {
    for (const gateway of this.gateways) {
      this.#drive(gateway).catch((error: unknown) => this.problems.push(String(error)));
    }
    this.#notify();
    this.#disturb();
    const isOver = () => this.problems.length > 0 || this.gateways.every(isOut);
    await this.#time.run(START_AT + FAULTY_MS + QUIET_MS, isOver);
    this.#keep();
    for (const { client } of this.#processes) client.die();
  }

  #gateway(number: number): ModelGateway {
    const { clonedAfter, firstOffset, oldShare, batches } = this.#options;
    const seed = clonedAfter === undefined ? number : number - (number % 2);
    const draw = prng(this.#options.seed + seed);
    const plan = Array.from({ length: batches }, () => {
      const records = clonedAfter === undefined ? 1 + Math.floor(draw() * 4) : 1;
      return { records, time: draw() < oldShare ? START_AT - 30 * DAY_MS : START_AT };
    });
    const batch = (i: number) => {
      const { records, time } = plan[i]!;
      const isOwn = clonedAfter !== undefined && i >= clonedAfter && number % 2 === 1;
      return { records, time: isOwn ? time + 1 : time };
    };
    const burst = 1 + Math.floor(this.#random() * 40);
    const sealed = () =>
      Math.floor(((this.#time.now - START_AT) / FAULTY_MS) * (batches / burst) + 1) * burst;
    return new ModelGateway({ number: seed, topic: TOPIC, firstOffset, batch, batches, sealed });
  }

  #start(): Process {
    const client = this.#kafka.client();
    client.lossy = this.#isFaulty ? this.#options.lossy : 0;
    const process: Process = { client, sink: undefined };
    const instance = `process-${++this.#instances}`;
    const now = () => this.#time.now;
    const clocks = { timers: this.#time, now, monotonic: now, instance };
    openKafkaSink({ cluster: client, log: silentLogger, settings: sinkSettings(), ...clocks }).then(
      (sink) => {
        process.sink = sink;
      },
      () => {},
    );
    return process;
  }

  /** From sink to sink, in sessions of up to a minute. */
  async #drive(gateway: ModelGateway): Promise<void> {
    const pause = (ms: number) => new Promise<void>((resolve) => void this.#time.after(ms, resolve));
    let at = Math.floor(this.#random() * PROCESSES);
    while (!isOut(gateway)) {
      if (this.#random() < 0.3) at = Math.floor(this.#random() * PROCESSES);
      const process = this.#processes[at]!;
      if (process.sink === undefined) {
        if (!this.#isFaulty) this.#processes[at] = this.#start();
        await pause(500);
        continue;
      }
      const leave = () => gateway.leave();
      const endLeaving = this.#time.after(this.#isFaulty ? this.#random() * 60_000 : QUIET_MS, leave);
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      let endWatch = () => {};
      const watch = () => {
        if (this.#processes[at] !== process) resolve();
        else endWatch = this.#time.after(1_000, watch);
      };
      watch();
      await Promise.race([gateway.send(process.sink, 1 + Math.floor(this.#random() * 8)), gone]);
      gateway.leave();
      endWatch();
      endLeaving();
      await pause(200 + this.#random() * 2_000);
    }
  }

  #notify(): void {
    for (const gateway of this.gateways) gateway.notify();
    if (!this.gateways.every(isOut)) this.#time.after(1_000, () => this.#notify());
  }

  #disturb(): void {
    this.#keep();
    if (!this.#isFaulty) {
      for (const { client } of this.#processes) client.lossy = 0;
      return;
    }
    this.#time.after(this.#random() * 8_000, () => this.#disturb());
    const { trims, recreates } = this.#options;
    const pick = <T>(of: readonly T[]) => of[Math.floor(this.#random() * of.length)]!;
    const partition = pick([...this.#kafka.partitions()]);
    const dice = this.#random();
    if (dice < 0.25) this.#kafka.elect(partition, Math.floor(this.#random() * 3));
    else if (dice < 0.55) this.#kafka.forget(partition);
    else if (dice < 0.75) {
      const dying = pick(this.#processes);
      dying.client.die();
      this.#processes[this.#processes.indexOf(dying)] = this.#start();
    } else if (dice < 0.8 && trims) {
      const data = pick(this.#kafka.topic(TOPIC)?.partitions ?? [partition]);
      if (this.#kafka.topic(TOPIC) !== undefined)
        data.trim(Math.floor(this.#random() * (data.highWatermark + 1)));
    } else if (dice < 0.82 && recreates) {
      this.#kafka.delete(TOPIC);
      this.#time.after(this.#random() * 5_000, () => this.#kafka.create(TOPIC, { configs: this.#configs }));
    }
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
        this.archive.push({ topicId: topic.id, partition, ...batch });
      }
    });
  }
}

const isOut = ({ isDone, isDiverged }: ModelGateway): boolean => isDone || isDiverged;

/** Small, and the same for each seed [mulberry32]. */
function prng(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

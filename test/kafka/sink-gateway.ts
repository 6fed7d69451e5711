import { type AgentStore, agentStore, listening } from '@edgelog/sim';
import {
  connectKafkaCluster,
  type KafkaSink,
  openKafkaSink,
  type SinkTimers,
  sinkSettings,
} from '@edgelog/sink';
import { inProcess, startUplink, type Uplink } from '@edgelog/sync';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { until } from '../harness/wait.ts';
import { type Call, type FaultPlan, FaultyCluster } from './faulty-cluster.ts';

/** The sink's clocks and timers run so many times as fast: what it does once a second is done ten times a second. */
const HASTE = 10;
const TUNING = { backoffMinMs: 10, backoffMaxMs: 100, refusedRetryMs: 1_000 };
const TIMEOUT_MS = 5_000;
const DRAIN_MS = 120_000;
/** Of each kind, when it is stuck. */
const TOLD = 10;

export interface SinkGatewayOptions {
  /** How long ago its records were made. */
  readonly ageMs?: number;
  /** Default after the topic. */
  readonly name?: string;
  /** Of its first record. */
  readonly firstNumber?: number;
  /** Of calls of the cluster that a plan strikes. */
  readonly pauseMs?: number;
}

interface Life {
  readonly cluster: FaultyCluster;
  readonly uplink: Uplink;
  readonly timers: Timers;
  readonly died: Promise<void>;
  readonly opened: { sink: KafkaSink | undefined };
}

/**
 * A gateway whose process is here: its disk in memory, the real uplink, and the real sink into real Kafka. It can die at any call of
 * the sink and be started again.
 */
export class SinkGateway {
  readonly topic: string;
  /** Numbers of the records that are on its disk, in order. */
  readonly promised: number[] = [];
  readonly divergences: string[] = [];
  readonly log = listening();
  readonly #kafka: KafkaProcesses;
  readonly #store: AgentStore;
  readonly #pauseMs: number;
  #life: Life | undefined;
  #next: number;

  constructor(kafka: KafkaProcesses, topic: string, options: SinkGatewayOptions = {}) {
    const { ageMs = 0, name = `gateway-of-${topic}`, firstNumber = 0, pauseMs = 0 } = options;
    this.#next = firstNumber;
    this.#pauseMs = pauseMs;
    this.topic = topic;
    this.#kafka = kafka;
    const clock = {
      now: () => Date.now() - ageMs,
      after: (ms: number, run: () => void) => void setTimeout(run, ms),
    };
    this.#store = agentStore(
      { gateway: name, topics: [topic], clock },
      {
        durable: (_logId, _base, records) => void this.promised.push(...records),
        diverged: (_run, reason) => void this.divergences.push(reason),
      },
    );
  }

  get isAlive(): boolean {
    return this.#life !== undefined && !this.#life.cluster.isDead;
  }

  /** What this life has asked of the cluster. */
  get calls(): readonly Call[] {
    return this.#living().cluster.calls;
  }

  get sink(): KafkaSink {
    const { sink } = this.#living().opened;
    if (sink === undefined) throw new Error('the sink is not open yet');
    return sink;
  }

  /** A new process. */
  async start(plan: FaultPlan = () => undefined): Promise<void> {
    const { log } = this;
    const connected = await connectKafkaCluster({
      bootstrap: this.#kafka.bootstrap.split(','),
      clientId: this.topic,
      log,
      timeoutMs: TIMEOUT_MS,
    });
    const timers = new Timers();
    const { promise: died, resolve: onDeath } = Promise.withResolvers<void>();
    const end = (): void => {
      onDeath();
      timers.end();
      void uplink.stop();
      void connected.close();
      this.#store.crash();
    };
    const cluster = new FaultyCluster(connected, plan, end, this.#pauseMs);
    const opened: Life['opened'] = { sink: undefined };
    const open = async (): Promise<KafkaSink> => {
      if (opened.sink !== undefined) return opened.sink;
      opened.sink = await openKafkaSink({
        cluster,
        log,
        settings: sinkSettings(),
        timers,
        now: Date.now,
        monotonic: () => performance.now() * HASTE,
        instance: crypto.randomUUID(),
      });
      return opened.sink;
    };
    const connect = inProcess({ reach: open, log });
    const uplink = startUplink({
      ...{ urls: ['kafka://here'], port: this.#store, log, connect, tuning: TUNING },
      paused: true,
    });
    this.#life = { cluster, uplink, timers, died, opened };
    uplink.setPaused(false);
  }

  /** Seals a batch; resolves when it is on the disk, or the process has died before. */
  async take(records: number): Promise<void> {
    const { cluster, uplink, died } = this.#living();
    const numbers = Array.from({ length: records }, () => this.#next++);
    await Promise.race([this.#store.ingest(0, numbers), died]);
    if (!cluster.isDead) uplink.notify();
  }

  /** Until Kafka has all; false when it died meanwhile. */
  async drained(): Promise<boolean> {
    const life = this.#living();
    try {
      await until(
        `${this.topic} is drained`,
        () => life.cluster.isDead || this.#store.stored().every(({ drained }) => drained),
        DRAIN_MS,
        5,
      );
    } catch (cause) {
      throw new Error(`${this.topic}: ${JSON.stringify(this.#state(life))}`, { cause });
    }
    return !life.cluster.isDead;
  }

  /** kill -9. */
  kill(): void {
    this.#living().cluster.die();
  }

  /** Ends as asked by SIGTERM; false when it died meanwhile. */
  async stop(): Promise<boolean> {
    const { cluster, uplink, opened, timers, died } = this.#living();
    await uplink.stop();
    await Promise.race([opened.sink?.close(), died]);
    if (cluster.isDead) return false;
    timers.end();
    this.#life = undefined;
    return true;
  }

  #state({ cluster, uplink, opened }: Life): unknown {
    const { state, lastError, streams } = uplink.status();
    const lastErrors = opened.sink?.status().lastErrors.slice(-TOLD);
    const [calls, said] = [cluster.calls.slice(-TOLD), this.log.said.slice(-TOLD)];
    return { state, lastError, streams, lastErrors, calls, said, divergences: this.divergences };
  }

  #living(): Life {
    if (this.#life === undefined) throw new Error('it was never started, or was stopped');
    return this.#life;
  }
}

/** Those of a process: they end with it. */
class Timers implements SinkTimers {
  readonly #running = new Set<NodeJS.Timeout>();
  #isOver = false;

  after(ms: number, run: () => void): () => void {
    if (this.#isOver) return () => {};
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      run();
    }, ms / HASTE);
    this.#running.add(timer);
    return () => {
      clearTimeout(timer);
      this.#running.delete(timer);
    };
  }

  end(): void {
    this.#isOver = true;
    for (const timer of this.#running) clearTimeout(timer);
  }
}

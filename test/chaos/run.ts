import { createWriteStream, mkdirSync, rmSync, type WriteStream, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Prng } from '@edgelog/sim';
import { apis } from '@edgelog/wire';
import { type BrokerProcess, ClusterProcesses } from '../harness/cluster-processes.ts';
import { sleep, until } from '../harness/wait.ts';
import { Routes } from './clients/routes.ts';
import { FULL_DISK } from './faults/disks.ts';
import type { Fault, Scene } from './faults/fault.ts';
import { Availability } from './history/availability.ts';
import { History, seconds, type Violation } from './history/history.ts';
import { compareReplicas } from './replicas.ts';
import { everyPartition, TOPICS, Workload } from './workload.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** One after the other, shuffled; again and again until the time is over, where there is one. */
  readonly faults: readonly Fault[];
  readonly minutes?: number;
  readonly agents: number;
  readonly java: boolean;
  /** For each of the brokers' logs a disk that can be filled, in MiB. */
  readonly smallDiskMiB?: number;
  /** Multiplies the times that faults allow: for machines with more work than cores. Default 1. */
  readonly patience?: number;
  readonly onProgress?: (line: string) => void;
}

/** What one fault did. */
export interface Injury {
  readonly fault: string;
  readonly atMs: number;
  /** What it did, and to whom. */
  readonly what: string;
  /** How long the partition that had to wait longest could not be written to. */
  readonly outageMs: number;
  /** From when everything was as it should be until all replicas were in sync and everything could be written to. */
  readonly recoveredMs: number;
}

export interface ChaosReport {
  readonly injuries: readonly Injury[];
  readonly violations: readonly Violation[];
  readonly counts: History['counts'];
  readonly minutes: number;
  /** Data, logs and history, kept where something was wrong. */
  readonly kept: string | undefined;
}

const HUB_ARGS = [
  ...['--replica-lag-ms', '5000'],
  ...['--offsets-partitions', '5'],
  ...['--segment-bytes', String(8 * 2 ** 20)],
  // A disk that rots each minute is read through as often.
  ...['--scrub-bytes-per-second', String(100 * 2 ** 20)],
];
const CALM_MS = 2_000;
const RECOVERY_MS = 120_000;
const TRACED = 10;
const STALL_LOOK_MS = 1_000;
const STALL_MS = 300;

/** Breaks a cluster in all the ways of `faults` while clients use it, and holds what they saw against what they were told. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const cluster = await ClusterProcesses.start({
    hubArgs: HUB_ARGS,
    ...(options.smallDiskMiB !== undefined && { smallDiskMiB: options.smallDiskMiB }),
  });
  const run = new ChaosRun(cluster, options);
  try {
    await run.run();
  } finally {
    await run.stop();
  }
  return run.report();
}

class ChaosRun {
  readonly #cluster: ClusterProcesses;
  readonly #options: ChaosOptions;
  readonly #prng: Prng;
  readonly #routes: Routes;
  readonly #history: History;
  readonly #availability: Availability;
  readonly #startedAt = performance.now();
  readonly #trace: WriteStream;
  readonly #injuries: Injury[] = [];
  readonly #keptDir: string;
  readonly #lag = monitorEventLoopDelay();
  #workload: Workload | undefined;

  constructor(cluster: ClusterProcesses, options: ChaosOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#prng = new Prng(options.seed);
    this.#routes = new Routes(cluster.bootstrap);
    const nowMs = (): number => this.#nowMs();
    this.#history = new History(nowMs, (violation) => this.#tell(inWords(violation)));
    this.#availability = new Availability(nowMs);
    this.#keptDir = join(tmpdir(), `edgelog-chaos-${options.seed}-${process.pid}`);
    mkdirSync(this.#keptDir, { recursive: true });
    this.#lag.enable();
    this.#trace = createWriteStream(join(this.#keptDir, 'trace.txt'));
  }

  async run(): Promise<void> {
    const stalls = setInterval(() => this.#tellStalls(), STALL_LOOK_MS);
    try {
      await this.#act();
    } catch (error) {
      this.#tell(`the run ends here: ${(error as Error).stack}`);
      this.#history.violation('unavailable', (error as Error).message);
    } finally {
      clearInterval(stalls);
    }
  }

  async stop(): Promise<void> {
    this.#cluster.network.heal();
    for (const broker of this.#cluster.brokers) if (broker.alive) broker.resume();
    await this.#workload?.stop();
    const isWell = this.#history.violations.length === 0;
    if (!isWell) this.#keep();
    await this.#cluster.stop(!isWell);
    this.#trace.end();
    if (isWell) rmSync(this.#keptDir, { recursive: true });
  }

  report(): ChaosReport {
    const { violations, counts } = this.#history;
    return {
      injuries: this.#injuries,
      violations,
      counts,
      minutes: this.#nowMs() / 60_000,
      kept: violations.length === 0 ? undefined : this.#keptDir,
    };
  }

  async #act(): Promise<void> {
    const cluster = this.#cluster;
    for (const [topic, partitions] of Object.entries(TOPICS))
      await this.#routes.createTopic(topic, partitions);
    this.#workload = await Workload.start({
      cluster,
      routes: this.#routes,
      history: this.#history,
      availability: this.#availability,
      prng: this.#prng.fork(),
      nowMs: () => this.#nowMs(),
      agents: this.#options.agents,
      java: this.#options.java,
    });
    await this.#recovered();
    this.#tell('everything runs');
    for (const fault of this.#faults()) await this.#injure(fault);
    this.#tell('reading everything once more');
    await this.#workload.finish();
    await this.#workload.stop();
    await Promise.all(cluster.brokers.map((broker) => broker.stop()));
    await compareReplicas(cluster.brokers, Object.keys(TOPICS), this.#history);
  }

  /** Each once before any comes again. */
  *#faults(): Iterable<Fault> {
    const { minutes, faults } = this.#options;
    const possible = this.#cluster.smallDisk === undefined ? faults : [...faults, FULL_DISK];
    do {
      const left = [...possible];
      while (left.length > 0 && this.#hasTime())
        yield left.splice(this.#prng.between(0, left.length - 1), 1)[0]!;
    } while (minutes !== undefined && this.#hasTime());
  }

  #hasTime(): boolean {
    const { minutes } = this.#options;
    return minutes === undefined || this.#nowMs() < minutes * 60_000;
  }

  async #injure(fault: Fault): Promise<void> {
    await sleep(CALM_MS);
    const atMs = this.#nowMs();
    this.#tell(`begins: ${fault.name}`);
    let healedAtMs = atMs;
    const what = await fault.run(this.#scene(), () => {
      healedAtMs = this.#nowMs();
    });
    this.#tell(`healed: ${fault.name}: ${what}`);
    await this.#restartFallen();
    await this.#recovered();
    const countsFromMs = fault.stopsCluster === true ? healedAtMs : atMs;
    const outageMs = this.#availability.longestOutageMs(countsFromMs);
    const recoveredMs = this.#nowMs() - healedAtMs;
    this.#injuries.push({ fault: fault.name, atMs, what, outageMs, recoveredMs });
    this.#tell(
      `over: not available for ${seconds(outageMs)}, in sync ${seconds(recoveredMs)} after it was healed`,
    );
    const allowedMs = fault.withinSeconds * 1_000 * (this.#options.patience ?? 1);
    if (outageMs > allowedMs)
      this.#history.violation(
        'unavailable',
        `${fault.name} (${what}): not available for ${seconds(outageMs)}, ${seconds(allowedMs)} are allowed`,
      );
    await this.#restartFallen();
  }

  /** No broker ends by itself; where one did, the run goes on. */
  async #restartFallen(): Promise<void> {
    for (const broker of this.#cluster.brokers) {
      if (broker.alive) continue;
      this.#history.violation('unavailable', `${broker.name} ended by itself`);
      await broker.start();
    }
  }

  #scene(): Scene {
    const cluster = this.#cluster;
    return {
      cluster,
      prng: this.#prng,
      busiest: () => this.#busiest(),
      controller: async () => {
        const { controllerId } = await until('there is a controller', async () => {
          const answer = await this.#routes.ask(apis.metadata, {
            topics: [],
            allowAutoTopicCreation: false,
          });
          return answer.controllerId >= 0 && answer;
        });
        return cluster.broker(controllerId);
      },
      recovered: () => this.#recovered(),
    };
  }

  #busiest(): BrokerProcess {
    const leading = new Map<number, number>();
    for (const [topic, index] of everyPartition()) {
      const id = this.#routes.state(topic, index)?.leaderId ?? -1;
      leading.set(id, (leading.get(id) ?? 0) + 1);
    }
    const [most] = this.#cluster.brokers.toSorted(
      (a, b) => (leading.get(b.id) ?? 0) - (leading.get(a.id) ?? 0),
    );
    return most!;
  }

  /** Until everything was written to since now, and every replica is in sync. */
  async #recovered(): Promise<void> {
    const sinceMs = this.#nowMs();
    await until(
      'every partition can be written to and has all its replicas in sync',
      async () => {
        await this.#routes.refresh();
        const isInSync = everyPartition().every(([topic, index]) => {
          const state = this.#routes.state(topic, index);
          return state !== undefined && state.leaderId >= 0 && state.isr.length === state.replicas.length;
        });
        const hasWriters = this.#availability.partitions.length === TOPICS.orders;
        return isInSync && hasWriters && this.#availability.allSince(sinceMs);
      },
      RECOVERY_MS,
    );
  }

  #keep(): void {
    const folder = this.#keptDir;
    this.#cluster.writeLogs(join(folder, 'logs'));
    writeFileSync(join(folder, 'history.txt'), [...this.#history.everything()].join('\n'));
    const lines = this.#history.violations
      .slice(0, TRACED)
      .flatMap((violation) => [
        inWords(violation),
        ...(violation.partition === undefined || violation.offset === undefined
          ? []
          : this.#history.around(violation.partition, violation.offset).map((line) => `    ${line}`)),
      ]);
    writeFileSync(join(folder, 'violations.txt'), `${lines.join('\n')}\n`);
    for (const line of lines) this.#options.onProgress?.(line);
    this.#options.onProgress?.(`kept: ${folder}, data in ${this.#cluster.dir}`);
  }

  /** The network and the clients are in this process: when it stands still, so does the network. */
  #tellStalls(): void {
    const ms = this.#lag.max / 1e6;
    if (ms > STALL_MS) this.#tell(`this process stood still for ${ms.toFixed(0)} ms`);
    this.#lag.reset();
  }

  #tell(line: string): void {
    const stamped = `${seconds(this.#nowMs()).padStart(10)}  ${line}`;
    this.#trace.write(`${stamped}\n`);
    this.#options.onProgress?.(stamped);
  }

  #nowMs(): number {
    return performance.now() - this.#startedAt;
  }
}

function inWords({ kind, text, partition, offset, atMs }: Violation): string {
  const where =
    partition === undefined ? '' : ` in ${partition}${offset === undefined ? '' : ` at ${offset}`}`;
  return `VIOLATION at ${seconds(atMs)}${where}, ${kind}: ${text}`;
}

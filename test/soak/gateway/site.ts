import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { scratchDir } from '../../bench/scratch.ts';
import { Network } from '../../harness/network.ts';
import { freePorts } from '../../harness/ports.ts';
import { edgelog, type TestProcess } from '../../harness/process.ts';
import { mountSmallDisk, unmount } from '../../harness/small-disk.ts';
import { until } from '../../harness/wait.ts';
import { fakeTimeLibrary } from '../../setup/faketime.ts';
import type { DeclaredGap } from './declared-gaps.ts';
import { RING, Ring } from './ring.ts';

const DISK_MIB = 256;
const SEGMENT_BYTES = 4 * 2 ** 20;
const READY_MS = 120_000;
const CONFIG = `
routes:
  - match: ${RING}/#
    topic: ${RING}
topics:
  - topic: ${RING}
    whenFull: drop-oldest
`;

/** What /status of an agent says, as far as it is looked at here. */
export interface AgentStatus {
  streams: { topic: string; endOffset: number; ackedOffset: number }[];
  /** Those that no hub has confirmed. */
  gaps: unknown[];
  dropped: { topic: string; records: number }[];
  disk: { isFull: boolean };
  serial: { state: string; frames: number }[];
}

/** One gateway with a small disk, a clock that can be set, a serial line that can be unplugged and a network that can be cut; and its hub. */
export class Site {
  readonly network = new Network();
  readonly dir = scratchDir();
  readonly disk = join(this.dir, 'disk');
  readonly isDiskSmall: boolean;
  readonly ring: Ring;
  readonly #ports: { kafka: number; sync: number; hubHttp: number; mqtt: number; agentHttp: number };
  readonly #clock = join(this.dir, 'clock');
  readonly #config = join(this.dir, 'agent.yaml');
  #syncHop = 0;
  #hub: TestProcess | undefined;
  #agent: TestProcess | undefined;
  #line: ChildProcess | undefined;
  /** What processes before the present ones said. */
  #said = '';

  private constructor(ports: number[]) {
    const [kafka, sync, hubHttp, mqtt, agentHttp] = ports as [number, number, number, number, number];
    this.#ports = { kafka, sync, hubHttp, mqtt, agentHttp };
    mkdirSync(this.disk);
    writeFileSync(this.#config, CONFIG);
    this.ring = new Ring(mqtt);
    this.isDiskSmall = mountSmallDisk(this.disk, DISK_MIB);
    this.setClock(0);
  }

  static async start(): Promise<Site> {
    const site = new Site(await freePorts(5));
    try {
      site.#syncHop = await site.network.hopTo('hub', site.#ports.sync);
      await site.startHub();
      await site.plugIn();
      await site.startAgent();
      return site;
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.#ports.kafka}`;
  }

  get mqttPort(): number {
    return this.#ports.mqtt;
  }

  get instrument(): string {
    return join(this.dir, 'instrument');
  }

  get hub(): TestProcess {
    return this.#hub!;
  }

  get agent(): TestProcess {
    return this.#agent!;
  }

  async startHub(): Promise<void> {
    const { kafka, sync, hubHttp } = this.#ports;
    this.#said += this.#hub?.output() ?? '';
    this.#hub = edgelog([
      ...['hub', '--data-dir', join(this.dir, 'hub'), '--log-level', 'warn'],
      ...['--kafka', `127.0.0.1:${kafka}`, '--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${hubHttp}`],
    ]);
    this.network.attach('hub', this.#hub.pid);
    await this.#hub.ready(READY_MS);
  }

  /** Its own clock is that of the machine plus what `setClock` says, also while it runs. */
  async startAgent(): Promise<void> {
    const { mqtt, agentHttp } = this.#ports;
    this.#said += this.#agent?.output() ?? '';
    const env = {
      ...process.env,
      LD_PRELOAD: fakeTimeLibrary(),
      FAKETIME_TIMESTAMP_FILE: this.#clock,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_CACHE_DURATION: '1',
    };
    this.#agent = edgelog(
      [
        ...[
          'agent',
          '--config',
          this.#config,
          '--data-dir',
          join(this.disk, 'data'),
          '--gateway',
          'soak',
          '--log-level',
          'warn',
        ],
        ...['--hub', `ws://127.0.0.1:${this.#syncHop}`, '--serial', join(this.dir, 'line')],
        ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${agentHttp}`],
        ...['--segment-bytes', String(SEGMENT_BYTES), '--max-disk-bytes', String(DISK_MIB * 2 ** 20)],
      ],
      env,
    );
    this.network.attach('agent', this.#agent.pid);
    await this.#agent.ready(READY_MS);
  }

  /** Seconds that the agent's clock is ahead of the machine's; below 0: behind. */
  setClock(seconds: number): void {
    writeFileSync(this.#clock, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  async plugIn(): Promise<void> {
    const line = join(this.dir, 'line');
    this.#line = spawn('socat', [`pty,raw,echo=0,link=${this.instrument}`, `pty,raw,echo=0,link=${line}`]);
    await until('the serial line is there', () => existsSync(this.instrument) && existsSync(line));
  }

  async unplug(): Promise<void> {
    const line = this.#line!;
    if (line.exitCode !== null || line.signalCode !== null) return;
    line.kill();
    await once(line, 'exit');
  }

  agentStatus(): Promise<AgentStatus> {
    return statusOf<AgentStatus>(this.#ports.agentHttp);
  }

  /** All that the hub was told is lost. */
  async declaredGaps(): Promise<DeclaredGap[]> {
    return (await statusOf<{ gaps: DeclaredGap[] }>(this.#ports.hubHttp)).gaps;
  }

  openFiles(): number {
    return readdirSync(`/proc/${this.agent.pid}/fd`).length;
  }

  output(): string {
    return `${this.#said}${this.#hub?.output()}${this.#agent?.output()}`;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#agent?.stop(), this.#hub?.stop()]);
    if (this.#line !== undefined) await this.unplug();
    await this.network.close();
    if (this.isDiskSmall) {
      await delay(100);
      unmount(this.disk);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function statusOf<T>(port: number): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}/status`, { signal: AbortSignal.timeout(10_000) });
  return (await response.json()) as T;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { edgelog, type TestProcess } from './process.ts';
import { until } from './wait.ts';

export interface StreamStatus {
  topic: string;
  partition: number | null;
  logStartOffset: number;
  endOffset: number;
  ackedOffset: number;
  lagRecords: number;
  lagBytes: number;
  oldestUnackedMs: number;
}

/** One hub and one agent as real processes with data directories of their own, on ports that survive restarts. */
export class System {
  readonly dir = mkdtempSync(join(tmpdir(), 'edgelog-e2e-'));
  readonly hubDir = join(this.dir, 'hub');
  readonly agentDir = join(this.dir, 'agent');
  readonly gateway = 'gw-1';
  hub: TestProcess | undefined;
  agent: TestProcess | undefined;
  readonly ports: { kafka: number; sync: number; hubHttp: number; mqtt: number; agentHttp: number };

  private constructor(ports: number[]) {
    const [kafka, sync, hubHttp, mqtt, agentHttp] = ports as [number, number, number, number, number];
    this.ports = { kafka, sync, hubHttp, mqtt, agentHttp };
  }

  static async create(): Promise<System> {
    return new System(await freePorts(5));
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.ports.kafka}`;
  }

  async startHub(extra: readonly string[] = []): Promise<TestProcess> {
    const { kafka, sync, hubHttp } = this.ports;
    this.hub = edgelog([
      'hub',
      ...['--data-dir', this.hubDir],
      ...['--kafka', `127.0.0.1:${kafka}`],
      ...['--sync', `127.0.0.1:${sync}`],
      ...['--http', `127.0.0.1:${hubHttp}`],
      ...extra,
    ]);
    await this.hub.ready();
    return this.hub;
  }

  async startAgent(extra: readonly string[] = [], dir = this.agentDir): Promise<TestProcess> {
    const { sync, mqtt, agentHttp } = this.ports;
    this.agent = edgelog([
      'agent',
      ...['--data-dir', dir],
      ...['--gateway', this.gateway],
      ...['--hub', `ws://127.0.0.1:${sync}`],
      ...['--mqtt', `127.0.0.1:${mqtt}`],
      ...['--http', `127.0.0.1:${agentHttp}`],
      ...extra,
    ]);
    await this.agent.ready();
    return this.agent;
  }

  async start(): Promise<this> {
    await this.startHub();
    await this.startAgent();
    return this;
  }

  async agentStatus<T = { streams: StreamStatus[] }>(): Promise<T> {
    return getJson<T>(this.ports.agentHttp, '/status');
  }

  async hubStatus<T>(): Promise<T> {
    return getJson<T>(this.ports.hubHttp, '/status');
  }

  async setUplinkPaused(paused: boolean): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.ports.agentHttp}/uplink`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paused }),
    });
    if (!response.ok) throw new Error(`POST /uplink answered ${response.status}: ${await response.text()}`);
  }

  /** Waits until the hub has acknowledged everything that the agent's streams hold. */
  async drained(timeoutMs = 120_000): Promise<StreamStatus[]> {
    return until(
      'the agent has no backlog',
      async () => {
        const { streams } = await this.agentStatus();
        return streams.length > 0 && streams.every((s) => s.ackedOffset === s.endOffset) && streams;
      },
      timeoutMs,
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.agent?.stop(), this.hub?.stop()]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** What the processes said, for a failing test. */
  output(): string {
    return [this.hub, this.agent].map((proc) => proc?.output() ?? '').join('\n');
  }
}

async function getJson<T>(port: number, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
  return (await response.json()) as T;
}

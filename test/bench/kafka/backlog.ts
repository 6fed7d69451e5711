import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../harness/ports.ts';
import { edgelog, type TestProcess } from '../../harness/process.ts';
import { NOWHERE } from '../agent/peers.ts';
import { generate } from '../agent/run-generator.ts';

const MAX_DISK_BYTES = 8e9;
const CONNECTIONS = 10;
const WINDOW = 200;

/** An agent that was offline: so many readings lie sealed on its disk. */
export class Backlog {
  readonly records: number;
  readonly #args: readonly string[];
  readonly #http: number;

  private constructor(records: number, args: readonly string[], http: number) {
    this.records = records;
    this.#args = args;
    this.#http = http;
  }

  /** Takes the readings over MQTT, with nobody to send them to. */
  static async fill(options: {
    dir: string;
    gateway: string;
    topic: string;
    compression: string;
    batchBytes: number;
    records: number;
    payloadBytes: number;
  }): Promise<Backlog> {
    const { dir, gateway, topic, compression, batchBytes, records, payloadBytes } = options;
    mkdirSync(dir, { recursive: true });
    const [mqtt, http] = (await freePorts(2)) as [number, number];
    const args = [
      ...['agent', '--data-dir', join(dir, gateway), '--gateway', gateway, '--topic', topic],
      ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${http}`],
      ...['--compression', compression, '--batch-bytes', String(batchBytes)],
      ...['--max-disk-bytes', String(MAX_DISK_BYTES)],
    ];
    const agent = edgelog([...args, '--hub', NOWHERE]);
    try {
      await agent.ready();
      await generate({
        port: mqtt,
        connections: CONNECTIONS,
        window: WINDOW,
        payloadBytes,
        messages: records,
      });
    } finally {
      await agent.stop();
    }
    return new Backlog(records, args, http);
  }

  /** An agent that knows of the cluster, and waits to be told to send. */
  async start(bootstrap: string): Promise<DrainingAgent> {
    const process = edgelog([...this.#args, '--hub', `kafka://${bootstrap}`]);
    await process.ready();
    const agent = new DrainingAgent(process, this.#http);
    await agent.setPaused(true);
    return agent;
  }
}

interface AgentStatus {
  streams: { lagRecords: number }[];
}

export class DrainingAgent {
  readonly process: TestProcess;
  readonly #http: number;

  constructor(process: TestProcess, http: number) {
    this.process = process;
    this.#http = http;
  }

  async setPaused(paused: boolean): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.#http}/uplink`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paused }),
    });
    if (!response.ok) throw new Error(`POST /uplink answered ${response.status}`);
  }

  /** Records that the cluster has not acknowledged. */
  async lag(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#http}/status`);
    const { streams } = (await response.json()) as AgentStatus;
    return streams.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
  }
}

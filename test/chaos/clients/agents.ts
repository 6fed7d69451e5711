import { join } from 'node:path';
import { MqttLoad } from '../../harness/mqtt-load.ts';
import { TestProcess } from '../../harness/process.ts';
import { until } from '../../harness/wait.ts';
import type { History } from '../history/history.ts';
import { labelOf } from '../history/stream.ts';
import type { AgentsOptions } from './agents-main.ts';

/** One message in flight at each, so some tens a second. */
const PAUSE_MS = 50;

interface Ports {
  readonly mqttPort: number;
  readonly httpPort: number;
}

/** Agents that are fed over MQTT and send what they get to the cluster. */
export class Agents {
  readonly process: TestProcess;
  readonly #ports: readonly Ports[];
  readonly #loads: readonly MqttLoad[];
  #running: Promise<unknown> = Promise.resolve();

  static async start(options: AgentsOptions, history: History): Promise<Agents> {
    const main = join(import.meta.dirname, 'agents-main.ts');
    const agents = new TestProcess('agents', process.execPath, [main, JSON.stringify(options)]);
    const line = await agents.ready(60_000);
    return new Agents(agents, JSON.parse(line.slice('ready '.length)) as Ports[], history);
  }

  private constructor(agents: TestProcess, ports: readonly Ports[], history: History) {
    this.process = agents;
    this.#ports = ports;
    this.#loads = ports.map(({ mqttPort }, index) => {
      const stream = history.stream(`device-${index}`, { neverGivesUp: false });
      return new MqttLoad({
        port: mqttPort,
        clientId: stream.name,
        window: 1,
        pauseMs: PAUSE_MS,
        payload: (sequence) => {
          stream.sent = sequence + 1;
          return labelOf(stream.name, sequence, 100);
        },
        onAcked: (sequence) => history.acknowledged(stream, sequence, undefined, undefined),
      });
    });
  }

  run(): void {
    this.#running = Promise.all(this.#loads.map((load) => load.run()));
  }

  /** Stops the devices, and resolves when the cluster has all that they were acknowledged. */
  async drain(timeoutMs: number): Promise<void> {
    for (const load of this.#loads) load.stop();
    await this.#running;
    await until(
      'the agents have no backlog',
      async () => (await this.#lags()).every((lag) => lag === 0),
      timeoutMs,
      200,
    );
  }

  async stop(): Promise<void> {
    for (const load of this.#loads) load.stop();
    await this.process.stop();
  }

  async #lags(): Promise<number[]> {
    return Promise.all(
      this.#ports.map(async ({ httpPort }) => {
        const answer = await fetch(`http://127.0.0.1:${httpPort}/status`);
        const { streams } = (await answer.json()) as {
          streams: { endOffset: number; ackedOffset: number }[];
        };
        return streams.reduce((sum, { endOffset, ackedOffset }) => sum + endOffset - ackedOffset, 0);
      }),
    );
  }
}

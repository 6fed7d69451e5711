import { join } from 'node:path';
import { freePorts } from '../harness/ports.ts';
import { edgelog, type TestProcess } from '../harness/process.ts';
import { firstAnswer } from './first-answer.ts';
import { formatKafka, startKafka } from './kafka-peer.ts';

export const BROKERS = ['kafka', 'kafka, flush.messages=1', 'hub', 'hub, no flush'] as const;
export type BrokerName = (typeof BROKERS)[number];

/** A broker that runs on a directory and a port of its own, and can be started again on them. */
export class Broker {
  readonly name: BrokerName;
  readonly port: number;
  readonly #spawn: () => TestProcess;
  #process: TestProcess | undefined;

  constructor(name: BrokerName, port: number, spawn: () => TestProcess) {
    this.name = name;
    this.port = port;
    this.#spawn = spawn;
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.port}`;
  }

  get process(): TestProcess {
    if (this.#process?.alive !== true)
      throw new Error(`${this.name} is not running:\n${this.#process?.output()}`);
    return this.#process;
  }

  /** Resolves with the seconds until it answered Metadata for `topics`. */
  async start(topics: readonly string[] = []): Promise<number> {
    const startedAt = performance.now();
    this.#process = this.#spawn();
    await firstAnswer(this.port, topics);
    return (performance.now() - startedAt) / 1000;
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#process?.stop(signal);
  }
}

/** Prepares the directory of a broker below `parent`. `env` is for a hub, e.g. to profile it. */
export async function prepareBroker(
  name: BrokerName,
  parent: string,
  env?: NodeJS.ProcessEnv,
): Promise<Broker> {
  const dir = join(parent, name.replaceAll(/\W+/g, '-'));
  const [kafka, second, third] = (await freePorts(3)) as [number, number, number];
  if (name === 'kafka' || name === 'kafka, flush.messages=1') {
    const properties = name === 'kafka' ? {} : { 'log.flush.interval.messages': 1 };
    await formatKafka({ dir, ports: { kafka, controller: second }, properties });
    return new Broker(name, kafka, () => startKafka(dir));
  }
  const addresses = ['--kafka', kafka, '--sync', second, '--http', third].map((word) =>
    typeof word === 'number' ? `127.0.0.1:${word}` : word,
  );
  const args = ['hub', '--data-dir', dir, ...addresses, ...(name === 'hub' ? [] : ['--no-flush'])];
  return new Broker(name, kafka, () => edgelog(args, env));
}

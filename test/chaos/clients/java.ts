import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { until } from '../../harness/wait.ts';
import { kafkaTool } from '../../setup/kafka-jars.ts';
import type { History, Reading } from '../history/history.ts';
import type { Stream } from '../history/stream.ts';

/** The program says what was acknowledged, not what it sends. */
const ANY_NUMBER = 2 ** 31;
const BEGIN_MS = 60_000;

/** Kafka's own clients in one JVM: what they print goes into the history. */
export class JavaClients {
  readonly #process: ChildProcess;
  readonly #input: Writable;
  readonly #topic: string;
  readonly #group: string;
  readonly #history: History;
  readonly #streams = new Map<string, Stream>();
  readonly #readings = new Map<string, Reading>();
  #isFlushed = false;

  constructor(
    options: { bootstrap: string; topic: string; partitions: number; group: string; logFile: string },
    history: History,
  ) {
    const { bootstrap, topic, partitions, group, logFile } = options;
    const program = join(import.meta.dirname, 'ChaosLoad.java');
    const args = kafkaTool(program, bootstrap, topic, String(partitions), group);
    const log = openSync(logFile, 'a');
    this.#process = spawn('java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', ...args], {
      stdio: ['pipe', 'pipe', log],
    });
    closeSync(log);
    this.#input = this.#process.stdin!.on('error', () => {});
    this.#topic = topic;
    this.#group = group;
    this.#history = history;
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#take(line.split('\t')));
    // The name of a stream must be known before anybody reads of it.
    for (const generation of [0, 1, 2, 3, 4, 5, 6, 7])
      for (const producer of ['java-0', 'java-1'])
        for (let index = 0; index < partitions; index++) this.#stream(`${producer}.${generation}/${index}`);
  }

  /** Until something was acknowledged on every partition to each producer: a broker takes any first batch of one that it does not know. */
  async begun(): Promise<void> {
    const first = [...this.#streams.values()].filter(({ name }) => name.includes('.0/'));
    await until(
      'the Java producers have begun',
      () => first.every(({ ackedAt }) => ackedAt.length > 0),
      BEGIN_MS,
    );
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#input.write('stop\n');
    await until('the Java producers have nothing under way', () => this.#isFlushed, timeoutMs);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  #take([kind, ...fields]: string[]): void {
    const [name, second, third, fourth] = fields as [string, string, string, string];
    if (kind === 'ack') {
      const offset = Number(fourth);
      const partition = `${this.#topic}-${third}`;
      this.#history.acknowledged(
        this.#stream(name),
        Number(second),
        partition,
        offset < 0 ? undefined : offset,
      );
    } else if (kind === 'fail') {
      this.#history.violation('refused', `${name}:${second} failed for good: ${third}`);
    } else if (kind === 'assigned') {
      const partition = `${this.#topic}-${second}`;
      this.#readings.set(`${name} ${second}`, this.#history.reading(name, partition, this.#group));
    } else if (kind === 'read') {
      const reading = this.#readings.get(`${name} ${second}`);
      if (reading !== undefined) this.#history.read(reading, Number(third), fourth);
    } else if (kind === 'flushed') this.#isFlushed = true;
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = this.#history.stream(name, { neverGivesUp: true });
      stream.sent = ANY_NUMBER;
      this.#streams.set(name, stream);
    }
    return stream;
  }
}

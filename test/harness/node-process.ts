import type { Network } from './network.ts';
import type { TestProcess } from './process.ts';

/** A node of a cluster under test: one process after the other at the same place, and in the network, if there is one. */
export class NodeProcess {
  /** In the network. */
  readonly name: string;
  readonly #begin: () => TestProcess;
  readonly #network: Network | undefined;
  #process: TestProcess | undefined;
  /** What its processes before this one said. */
  #before = '';

  constructor(name: string, begin: () => TestProcess, network: Network | undefined) {
    this.name = name;
    this.#begin = begin;
    this.#network = network;
  }

  get process(): TestProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }

  get alive(): boolean {
    return this.#process?.alive === true;
  }

  /** Starts the process; it may take a while to be ready. */
  spawn(): void {
    this.#before = this.output();
    this.#process = this.#begin();
    this.#network?.attach(this.name, this.#process.pid);
    this.#network?.accept(this.name);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to end, and waits until it did. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** SIGSTOP: the kernel keeps its connections, and nobody answers. */
  pause(): void {
    this.process.child.kill('SIGSTOP');
  }

  resume(): void {
    this.process.child.kill('SIGCONT');
  }

  /** kill -9, also of one that is paused; harmless where there is none. */
  async finish(): Promise<void> {
    if (this.alive) this.resume();
    await this.kill();
  }

  /** What all its processes said so far. */
  output(): string {
    return `${this.#before}${this.#process?.output() ?? ''}`;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#process === undefined) return;
    await this.#process.stop(signal);
    await this.#network?.refuse(this.name);
  }
}

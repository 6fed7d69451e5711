import { createInterface } from 'node:readline';
import { TestProcess } from '../harness/process.ts';

/** The child's side: answers each line of standard input with one line of JSON, until there are no more. */
export async function answerIntervals(take: () => unknown): Promise<void> {
  for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(take()));
}

/** The parent's side: a load in a process of its own, asked from time to time what it has done since the last time. */
export class LoadProcess<T> {
  readonly #process: TestProcess;
  #answers = 0;

  constructor(name: string, file: string, options: unknown) {
    this.#process = new TestProcess(name, process.execPath, [file, JSON.stringify(options)]);
  }

  async take(): Promise<T> {
    this.#process.child.stdin!.write('\n');
    this.#answers += 1;
    for (;;) {
      const lines = this.#process.stdout.split('\n');
      if (lines.length > this.#answers) return JSON.parse(lines[this.#answers - 1]!) as T;
      if (!this.#process.alive) throw new Error(`${this.#process.name} ended:\n${this.#process.output()}`);
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  async stop(): Promise<void> {
    this.#process.child.stdin!.on('error', () => {}).end();
    await this.#process.exited;
  }
}

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run, TestProcess } from '../../harness/process.ts';
import { until } from '../../harness/wait.ts';
import { kafkaTool } from '../../setup/kafka-jars.ts';

const SERVER = join(import.meta.dirname, 'ToolServer.java');
const TIMEOUT_MS = 120_000;
/** Tools are over before the optimising compiler pays. */
const QUICK_START = '-XX:TieredStopAtLevel=1';

export interface ToolEnded {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a main class of Kafka's tools to its end. */
export type RunTool = (mainClass: string, args: readonly string[], input?: string) => Promise<ToolEnded>;

/** Each in a JVM of its own, as Kafka's scripts start them. */
export const runInOwnJvm: RunTool = (mainClass, args, input) =>
  run('java', [QUICK_START, ...kafkaTool(mainClass, ...args)], {
    timeoutMs: TIMEOUT_MS,
    ...(input === undefined ? {} : { input }),
  });

/** Runs a tool that never ends, in a JVM of its own, until it has printed what `pattern` matches. */
export async function watchInOwnJvm(
  mainClass: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<void> {
  const process = new TestProcess(mainClass, 'java', [QUICK_START, ...kafkaTool(mainClass, ...args)]);
  try {
    const matches = () => pattern.test(process.stdout) || !process.alive;
    await until(`${mainClass} has printed ${pattern}`, matches, TIMEOUT_MS);
    if (!pattern.test(process.stdout)) throw new Error(process.output());
  } finally {
    await process.stop('SIGKILL');
  }
}

/** For the shutdown hooks of tools. */
const OPEN_JAVA_LANG = '--add-opens=java.base/java.lang=ALL-UNNAMED';

/** One JVM for all of them, one after the other. */
export class SharedJvm {
  readonly #process = new TestProcess('ToolServer.java', 'java', [
    QUICK_START,
    OPEN_JAVA_LANG,
    ...kafkaTool(SERVER),
  ]);
  readonly #answers = createInterface({ input: this.#process.child.stdout! })[Symbol.asyncIterator]();
  #last: Promise<unknown> = Promise.resolve();

  readonly run: RunTool = (mainClass, args, input = '') => {
    const ended = this.#last.then(() => this.#call([mainClass, input, ...args]));
    this.#last = ended.catch(() => {});
    return ended;
  };

  async stop(): Promise<void> {
    this.#process.child.stdin!.end();
    await this.#process.stop('SIGKILL');
  }

  async #call(fields: readonly string[]): Promise<ToolEnded> {
    const line = fields.map((field) => `.${Buffer.from(field).toString('base64')}`).join(' ');
    this.#process.child.stdin!.write(`${line}\n`);
    const timer = setTimeout(() => this.#process.child.kill('SIGKILL'), TIMEOUT_MS);
    const answer = await this.#answers.next();
    clearTimeout(timer);
    if (answer.done === true) throw new Error(`${fields.join(' ')}:\n${this.#process.output()}`);
    const [code, stdout, stderr] = answer.value.split(' ') as [string, string, string];
    const text = (field: string) => Buffer.from(field.slice(1), 'base64').toString();
    return { code: Number(code), stdout: text(stdout), stderr: text(stderr) };
  }
}

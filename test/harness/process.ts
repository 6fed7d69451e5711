import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../packages/cli/bin/edgelog.js', import.meta.url));

/** How long what a process wrote is waited for after its end: somebody whom it started may have its output open for ever. */
const LAST_WORDS_MS = 5_000;

/** A process under test whose output is kept, so that a failure can show it. */
export class TestProcess {
  readonly child: ChildProcess;
  readonly name: string;
  stdout = '';
  stderr = '';
  /** Resolves when it has ended and its output is here. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.name = name;
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const closed = once(this.child, 'close');
    this.exited = once(this.child, 'exit').then(async ([code, signal]) => {
      const patience = new AbortController();
      const enough = setTimeout(LAST_WORDS_MS, undefined, { signal: patience.signal }).catch(() => {});
      await Promise.race([closed, enough]);
      patience.abort();
      return { code, signal };
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves at the line that begins with `ready`; rejects with the output if the process ends first. */
  async ready(timeoutMs = 120_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const line = this.stdout.split('\n').find((candidate) => candidate.startsWith('ready'));
      if (line !== undefined) return line;
      if (!this.alive) throw new Error(`${this.name} ended before it was ready:\n${this.output()}`);
      if (Date.now() > deadline)
        throw new Error(`${this.name} is not ready after ${timeoutMs} ms:\n${this.output()}`);
      await setTimeout(10);
    }
  }

  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    if (this.alive) this.child.kill(signal);
    return this.exited;
  }

  /** Private memory in bytes (RssAnon). */
  privateBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)![1]) * 1024;
  }

  output(): string {
    return `--- stdout of ${this.name}\n${this.stdout}\n--- stderr of ${this.name}\n${this.stderr}`;
  }
}

/** Starts `edgelog <args>` on the Node that runs the tests. */
export function edgelog(args: readonly string[], env?: NodeJS.ProcessEnv): TestProcess {
  return new TestProcess(`edgelog ${args[0]}`, process.execPath, [CLI, ...args], env);
}

/** Runs a program to its end and answers its output; the exit code is for the caller to judge. */
export async function run(
  command: string,
  args: readonly string[],
  options: { input?: string | Buffer; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const proc = new TestProcess(command, command, args, options.env);
  proc.child.stdin!.on('error', () => {}).end(options.input);
  const timer = globalThis.setTimeout(() => proc.child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  const { code } = await proc.exited;
  clearTimeout(timer);
  return { code, stdout: proc.stdout, stderr: proc.stderr };
}

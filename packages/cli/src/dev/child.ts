import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EdgelogError } from '@edgelog/base';
import nodeOptions from '../../node-options.json' with { type: 'json' };

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 100;
const TAIL_BYTES = 8_192;

/** What a command wants of V8 and of the C library. */
interface NodeOptions {
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export type ChildState = 'idle' | 'starting' | 'up' | 'stopping' | 'down';

/** What to run. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Whether it serves, asked for again and again; without this it says so by a line that begins with `ready`. */
  readonly isReady?: () => Promise<boolean>;
}

/** `edgelog …`, with what its command wants of V8 and of the C library. */
export function edgelogCommand(args: readonly string[]): Command {
  const { flags = [], env } = (nodeOptions as Record<string, NodeOptions>)[args[0] ?? ''] ?? {};
  return {
    program: process.execPath,
    args: [...flags, MAIN, ...args],
    env: { ...env, ...childEnvironment() },
  };
}

export interface ChildOptions {
  readonly name: string;
  readonly command: Command;
  readonly logPath: string;
  readonly onMessage?: (message: unknown) => void;
  readonly onChange: (child: Child) => void;
}

/**
 * One process of the tree. It has a session of its own, so that a Ctrl-C reaches the parent only, and an IPC
 * channel, whose end tells it that the parent is gone.
 */
export class Child {
  readonly name: string;
  readonly logPath: string;
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #state: ChildState = 'idle';
  #exit = '';
  #restarts = 0;
  #isFirstLog = true;
  #exited = Promise.resolve();

  constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name;
    this.logPath = options.logPath;
  }

  get state(): ChildState {
    return this.#state;
  }
  get pid(): number | undefined {
    return this.#process?.pid;
  }
  /** How it ended, while it is down. */
  get exit(): string {
    return this.#exit;
  }
  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when it is ready; rejects when the process ends before, with its last lines. */
  async start(): Promise<void> {
    const ready = Promise.withResolvers<void>();
    const { command, onMessage } = this.#options;
    const { program, args, env, isReady } = command;
    const log = openSync(this.logPath, this.#isFirstLog ? 'w' : 'a');
    this.#isFirstLog = false;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', log, 'ipc'], detached: true, env });
    closeSync(log);
    this.#process = child;
    this.#change('starting');
    if (onMessage) child.on('message', onMessage);
    const onReady = () => {
      if (this.#process === child && this.#state === 'starting') this.#change('up');
      ready.resolve();
    };
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => {
      if (isReady === undefined && line.startsWith('ready')) onReady();
    });
    const ask = async () => {
      while (this.#process === child && !(await isReady!())) await delay(READY_POLL_MS);
      onReady();
    };
    if (isReady) void ask();
    const timer = setTimeout(() => {
      ready.reject(new EdgelogError('TIMEOUT', `${this.name} is not ready after ${READY_TIMEOUT_MS} ms`));
    }, READY_TIMEOUT_MS);
    this.#exited = new Promise((resolve) => {
      child.on('error', (error) => ready.reject(error));
      child.on('exit', (code, signal) => {
        this.#exit = signal === null ? `exit status ${code}` : signal;
        this.#process = undefined;
        this.#change(this.#state === 'stopping' ? 'idle' : 'down');
        const last = this.tail(3).join('\n  ');
        ready.reject(
          new EdgelogError('REFUSED', `${this.name} ended (${this.#exit}) before it was ready:\n  ${last}`),
        );
        resolve();
      });
    });
    try {
      await ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** kill -9, then start again; also starts what is down. */
  async restart(): Promise<void> {
    if (this.#process !== undefined) this.#change('stopping');
    this.#process?.kill('SIGKILL');
    await this.#exited;
    this.#restarts += 1;
    await this.start();
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async stop(timeoutMs: number): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#change('stopping');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#process?.kill('SIGKILL');
  }

  /** The last lines of its log. */
  tail(lines: number): string[] {
    let text = '';
    try {
      const file = openSync(this.logPath, 'r');
      const size = fstatSync(file).size;
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      closeSync(file);
      text = buffer.toString();
    } catch {
      return [];
    }
    return text.trimEnd().split('\n').slice(-lines);
  }

  #change(state: ChildState): void {
    this.#state = state;
    this.#options.onChange(this);
  }
}

/** Variables `EDGELOG_…` are settings of the command that was typed, not of its children. */
function childEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('EDGELOG_')));
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const MAIN = fileURLToPath(new URL('./hub-main.ts', import.meta.url));
/** As `edgelog hub` runs. */
const options = z
  .object({ hub: z.object({ flags: z.array(z.string()), env: z.record(z.string(), z.string()) }) })
  .parse(
    JSON.parse(readFileSync(new URL('../../../packages/cli/node-options.json', import.meta.url), 'utf8')),
  ).hub;

/** A hub as a process of its own, for what cannot be tried within one: signals, exit codes, sudden death. */
export class HubProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<number | null>;

  /** With `fileKiBMax` no file can grow past that: writing fails as on a broken disk. `env` adds to the environment. */
  constructor(
    args: readonly string[],
    { fileKiBMax, env = {} }: { fileKiBMax?: number; env?: Readonly<Record<string, string>> } = {},
  ) {
    const limit = fileKiBMax === undefined ? '' : `ulimit -f ${fileKiBMax}; `;
    const command = ['-c', `${limit}exec "$@"`, 'hub', process.execPath, ...options.flags, MAIN, ...args];
    this.child = spawn('bash', command, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, ...env },
    });
    this.child.stdout!.on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr!.on('data', (text) => {
      this.stderr += text;
    });
    this.#exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  async ready(): Promise<this> {
    while (!/^ready /m.test(this.stdout)) {
      const ended = await Promise.race([
        this.#exited.then(() => true),
        once(this.child.stdout!, 'data').then(() => false),
      ]);
      if (ended) throw new Error(`the hub ended before it was ready: ${this.stderr}`);
    }
    return this;
  }

  /** Resolves with the exit status, null after a signal. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }

  exited(): Promise<number | null> {
    return this.#exited;
  }
}

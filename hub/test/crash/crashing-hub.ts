import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HubProcess } from '../support/hub-process.ts';

/** A client that a busy machine made late is no fault of the hub. */
const LATE_CLIENT = /"event":"(more )?group members? removed"/;

/** Small segments and a quick eye for what has expired, so that rolls, deletions and cleanings happen all the time. */
const SETTINGS = [
  ...['--segment-bytes', String(2 ** 20), '--retention-check-ms', '20', '--offsets-partitions', '5'],
  ...['--sync', '127.0.0.1:0', '--http', '127.0.0.1:0', '--no-auto-create-topics'],
];

/** A hub that is killed and started again, on one directory and one port. */
export class CrashingHub {
  readonly #args: readonly string[];
  readonly #dir: string;
  #process: HubProcess | undefined;
  kills = 0;
  segmentsCleaned = 0;
  partitionsCompacted = 0;
  startMs = 0;
  /** What a hub said or did that none should. */
  readonly faults: string[] = [];

  constructor(dir: string, port: number) {
    this.#dir = dir;
    this.#args = ['--data-dir', dir, '--kafka', `127.0.0.1:${port}`, ...SETTINGS];
  }

  /** What the running hub has said. */
  get stderr(): string {
    return this.#process?.stderr ?? '';
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const startedAt = performance.now();
    await this.#spawn().ready();
    this.startMs = performance.now() - startedAt;
  }

  /** Starts it and kills it somewhere in the time that a start takes. */
  async startInVain(share: number): Promise<void> {
    this.#spawn();
    await sleep(share * this.startMs);
    await this.kill();
  }

  async kill(): Promise<void> {
    const died = this.#process!;
    this.#process = undefined;
    const { exitCode } = died.child;
    if (exitCode !== null)
      this.faults.push(`the hub ended by itself with status ${exitCode}: ${died.stderr}`);
    await died.end('SIGKILL');
    this.kills += 1;
    this.#judge(died.stderr);
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    const stopped = this.#process!;
    this.#process = undefined;
    const status = await stopped.end('SIGTERM');
    if (status !== 0) this.faults.push(`the hub ended with status ${status}: ${stopped.stderr}`);
    this.#judge(stopped.stderr);
  }

  /** Resolves when a file of the log was made, renamed or removed, or after `withinMs`. */
  async fileChange(withinMs: number): Promise<void> {
    const watcher = watch(join(this.#dir, 'segments'));
    await Promise.race([once(watcher, 'change'), sleep(withinMs)]);
    watcher.close();
  }

  /** For the end, whatever happened. */
  async abandon(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  #spawn(): HubProcess {
    this.#process = new HubProcess(this.#args);
    return this.#process;
  }

  #judge(stderr: string): void {
    for (const line of stderr.split('\n')) {
      if (line.includes('"segment cleaned"')) this.segmentsCleaned += 1;
      else if (line.includes('"partition compacted"')) this.partitionsCompacted += 1;
      else if (/"level":"(warn|error)"/.test(line) && !LATE_CLIENT.test(line))
        this.faults.push(`the hub logged ${line}`);
    }
  }
}

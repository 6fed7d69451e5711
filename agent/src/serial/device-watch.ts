import { type FSWatcher, watch } from 'node:fs';

/** What file system events miss (a directory made later, a file system without them) is seen by then. */
const POLL_MS = 1000;
/** A plugging makes several events. */
const SETTLE_MS = 50;

/** Calls `onChange` when something in one of the directories may have changed: within 50 ms by events, else every second. */
export class DeviceWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: () => void;
  readonly #poll: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;

  constructor(dirs: ReadonlySet<string>, onChange: () => void) {
    this.#onChange = onChange;
    const watchAll = () => {
      for (const dir of dirs) if (!this.#watchers.has(dir)) this.#watch(dir);
    };
    watchAll();
    this.#poll = setInterval(() => {
      watchAll();
      onChange();
    }, POLL_MS);
  }

  stop(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(dir: string): void {
    try {
      const watcher = watch(dir, () => this.#changed());
      this.#watchers.set(dir, watcher);
      watcher.on('error', () => {
        watcher.close();
        this.#watchers.delete(dir);
      });
    } catch {
      // The directory is not there; the poll looks again.
    }
  }

  #changed(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#onChange();
    }, SETTLE_MS);
  }
}

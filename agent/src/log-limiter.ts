import type { LogFields, Logger } from '@edgelog/runtime';

const LINES_PER_WINDOW = 10;
const WINDOW_MS = 10_000;

/** Lines that outsiders can cause: at most ten in ten seconds per event, then a count of those left out. */
export class LogLimiter {
  readonly #log: Logger;
  readonly #monotonicMs: () => number;
  readonly #windows = new Map<string, { since: number; lines: number }>();

  constructor(log: Logger, monotonicMs: () => number = () => performance.now()) {
    this.#log = log;
    this.#monotonicMs = monotonicMs;
  }

  warn(event: string, fields: LogFields): void {
    const now = this.#monotonicMs();
    let window = this.#windows.get(event);
    if (window === undefined || now - window.since >= WINDOW_MS) {
      if (window !== undefined && window.lines > LINES_PER_WINDOW) {
        this.#log.warn(`${event}: more of the same, not shown`, { count: window.lines - LINES_PER_WINDOW });
      }
      window = { since: now, lines: 0 };
      this.#windows.set(event, window);
    }
    window.lines++;
    if (window.lines <= LINES_PER_WINDOW) this.#log.warn(event, fields);
  }
}

/** What the shells need of a logger; the runtime package's `Logger` is one. */
export interface SyncLog {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

const CAUSES_KEPT = 1_000;

/** Complaints about strangers: one line for each cause and host, so that a port scan does not fill the log. */
export class OneLinePerCause {
  readonly #log: SyncLog;
  readonly #said = new Set<string>();

  constructor(log: SyncLog) {
    this.#log = log;
  }

  /** `remote`: HOST:PORT. */
  warn(cause: string, event: string, remote: string, fields: Record<string, unknown>): void {
    const key = `${cause} ${remote.slice(0, remote.lastIndexOf(':'))}`;
    if (this.#said.has(key) || this.#said.size >= CAUSES_KEPT) return;
    this.#said.add(key);
    this.#log.warn(event, { remote, ...fields });
  }
}

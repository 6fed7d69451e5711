import { EdgelogError } from '@edgelog/base';

/** What one commit has to do; made synchronously from everything that was enqueued before. */
export interface Commit {
  /** Resolves when the transaction is on disk. */
  durable: Promise<void>;
  /** Runs after `durable` and after all earlier commits, before anyone who waits is told. */
  onFlushed(): void;
}

export interface GroupCommitOptions {
  /** Takes everything pending. Called in a turn of its own, so that no turn is split between two commits. */
  cut: () => Commit;
  onFatal: (error: EdgelogError) => void;
}

interface Group {
  bytes: number;
  flushed: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** One group is written while the one before it is flushed [PEERS.md]. */
const IN_FLIGHT_MAX = 2;

/**
 * Collects what is enqueued into groups, commits one group at a time with up to two in flight, and tells those who wait
 * in order. The first failure ends it: all groups, and all later ones, reject with STORE_FAILED; nothing is retried.
 */
export class GroupCommit {
  commits = 0;
  pendingBytes = 0;
  readonly #options: GroupCommitOptions;
  readonly #inFlight: Group[] = [];
  #collecting: Group | undefined;
  /** The next cut, asked of the event loop. */
  #scheduled: NodeJS.Immediate | undefined;
  #settled: Promise<void> = Promise.resolve();
  #failure: EdgelogError | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get failure(): EdgelogError | undefined {
    return this.#failure;
  }

  /** Joins the group being collected; the promise is the group's. */
  enqueue(bytes: number): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    this.#collecting ??= newGroup();
    this.#collecting.bytes += bytes;
    this.pendingBytes += bytes;
    this.#schedule();
    return this.#collecting.flushed;
  }

  /** All of this turn is enqueued: a commit that waits for the turn's end only is made now. */
  turnEnds(): void {
    if (this.#scheduled === undefined) return;
    clearImmediate(this.#scheduled);
    this.#cut();
  }

  /** Resolves when everything enqueued so far is on disk. */
  flushed(): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    return (this.#collecting ?? this.#inFlight.at(-1))?.flushed ?? Promise.resolve();
  }

  /** Resolves when all earlier groups have been told; never rejects. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new EdgelogError('STORE_FAILED', `the log store failed and takes nothing more: ${reason}`, {
      cause,
    });
    this.#failure = error;
    for (const group of this.#inFlight.splice(0)) group.reject(error);
    this.#collecting?.reject(error);
    this.#collecting = undefined;
    this.pendingBytes = 0;
    this.#options.onFatal(error);
  }

  #schedule(): void {
    if (this.#inFlight.length >= IN_FLIGHT_MAX) return;
    this.#scheduled ??= setImmediate(() => this.#cut());
  }

  #cut(): void {
    this.#scheduled = undefined;
    const group = this.#collecting;
    if (group === undefined) return;
    this.#collecting = undefined;
    this.#inFlight.push(group);
    try {
      this.#settled = this.#settle(group, this.#settled, this.#options.cut());
    } catch (error) {
      this.fail(error);
    }
  }

  async #settle(group: Group, previous: Promise<void>, commit: Commit): Promise<void> {
    try {
      await Promise.all([commit.durable, previous]);
    } catch (error) {
      this.fail(error);
    }
    if (this.#failure !== undefined) return;
    this.#inFlight.shift();
    this.commits++;
    this.pendingBytes -= group.bytes;
    commit.onFlushed();
    group.resolve();
    if (this.#collecting !== undefined) this.#schedule();
  }
}

function newGroup(): Group {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {}); // whoever waits hears of it; that nobody waits is no unhandled rejection
  return { bytes: 0, flushed: promise, resolve, reject };
}

function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

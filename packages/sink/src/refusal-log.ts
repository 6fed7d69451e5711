import type { SyncLog } from '@edgelog/sync';

export interface RefusedBatch {
  readonly run: number;
  readonly partition: string;
  readonly error: string;
  readonly message: string;
}

/** Tells that batches of a run are refused once, however often the same is tried again, and when that is over. */
export class RefusalLog {
  readonly #log: SyncLog;
  readonly #refused = new Map<number, { readonly error: string; times: number }>();

  constructor(log: SyncLog) {
    this.#log = log;
  }

  refused(batch: RefusedBatch): void {
    const known = this.#refused.get(batch.run);
    if (known?.error === batch.error) {
      known.times++;
      return;
    }
    this.#refused.set(batch.run, { error: batch.error, times: 1 });
    this.#log.warn('the cluster refuses a batch', { ...batch });
  }

  /** A batch of the run was committed. */
  taken(run: number, partition: string): void {
    const known = this.#refused.get(run);
    if (known === undefined) return;
    this.#refused.delete(run);
    const { error, times } = known;
    this.#log.info('the cluster takes batches of a run again', { run, partition, refused: error, times });
  }

  /** The run is not open here any more. */
  forget(run: number): void {
    this.#refused.delete(run);
  }
}

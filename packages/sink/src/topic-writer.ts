import { EdgelogError } from '@edgelog/base';
import type { Place, SinkCluster } from './cluster.ts';
import { type KeyedValue, sealRecords } from './records.ts';

/** Of one batch; the smallest limit that clusters are set to is well above. */
const BATCH_BYTES = 256 * 1024;

interface Waiting extends KeyedValue {
  settle(error: EdgelogError | undefined): void;
}

/** Writes records of the sink's own into one partition, acks=all: one batch under way, what comes meanwhile goes into the next. */
export class TopicWriter {
  readonly #cluster: SinkCluster;
  readonly #place: Place;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(cluster: SinkCluster, place: Place, now: () => number) {
    this.#cluster = cluster;
    this.#place = place;
    this.#now = now;
  }

  /** Resolves when it is committed; rejects where that is not known. */
  write(record: KeyedValue): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: EdgelogError | undefined) => (error === undefined ? resolve() : reject(error));
      this.#waiting.push({ ...record, settle });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    // What else is written in this turn goes with it.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const records = this.#take();
      const outcome = await this.#cluster.produce(this.#place, undefined, sealRecords(records, this.#now()));
      const { topic, partition } = this.#place;
      const error =
        outcome.outcome === 'committed'
          ? undefined
          : new EdgelogError(
              outcome.outcome === 'refused' ? 'REFUSED' : 'CONNECTION_LOST',
              `${topic}-${partition}: ${outcome.error} (${outcome.message})`,
            );
      for (const { settle } of records) settle(error);
    }
    this.#isWriting = false;
  }

  #take(): Waiting[] {
    let [count, bytes] = [0, 0];
    for (const { key, value } of this.#waiting) {
      bytes += key.length + Buffer.byteLength(value);
      if (count > 0 && bytes > BATCH_BYTES) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

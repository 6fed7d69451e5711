import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '@edgelog/base';
import { apis, iterateBatches, iterateRecords } from '@edgelog/wire';
import { batchOf } from '../support/batches.ts';
import { RawClient } from '../support/raw-client.ts';

/** Nothing that others do makes a request wait for longer. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 20;
/** However late the first answer came. */
const ROUND_TRIPS_MIN = 2;

/** A client that behaves, and expects to be served whatever others do: what it writes it reads back. */
export class Witness {
  readonly #client: RawClient;
  readonly #topic: string;
  roundTrips = 0;
  slowestMs = 0;

  private constructor(client: RawClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  /** `topic` exists, with one partition, and is nobody else's. */
  static async connect(port: number, topic: string): Promise<Witness> {
    return new Witness(await RawClient.connect(port), topic);
  }

  /** Rejects when it is not served. */
  async run(isOver: () => boolean): Promise<void> {
    for (let offset = 0; !isOver() || this.roundTrips < ROUND_TRIPS_MIN; offset++) {
      const startedAt = performance.now();
      const giveUp = new AbortController();
      const tooLate = sleep(PATIENCE_MS, undefined, { signal: giveUp.signal }).then(() => {
        throw new Error(
          `the witness had no answer within ${PATIENCE_MS} ms, after ${this.roundTrips} round trips`,
        );
      });
      tooLate.catch(() => {});
      await Promise.race([this.#roundTrip(offset), tooLate]);
      giveUp.abort();
      this.roundTrips += 1;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      await sleep(PAUSE_MS);
    }
    this.#client.end();
  }

  async #roundTrip(offset: number): Promise<void> {
    const value = `witness-${offset}`;
    const topicData = [{ name: this.#topic, partitionData: [{ index: 0, records: batchOf([value]) }] }];
    const produced = await this.#client.call(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
    const { errorCode, baseOffset } = produced.responses[0]!.partitionResponses[0]!;
    assert(
      errorCode === 0 && baseOffset === offset,
      `record ${offset} got error ${errorCode}, offset ${baseOffset}`,
    );
    const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 100_000 }];
    const topics = [{ topic: this.#topic, partitions }];
    const fetched = await this.#client.call(apis.fetch, 12, { maxWaitMs: 1000, minBytes: 1, topics });
    const { records } = fetched.responses[0]!.partitions[0]!;
    const values = records === null ? [] : valuesIn(records);
    assert(values.length === 1 && values[0] === value, `record ${offset} reads ${JSON.stringify(values)}`);
  }
}

function valuesIn(records: Buffer): string[] {
  return Array.from(iterateBatches(records), ({ at, header }) =>
    Array.from(iterateRecords(records.subarray(at, at + header.sizeBytes)), (record) => String(record.value)),
  ).flat();
}

import { type SimBatch, sequenceAfter } from './disk.ts';

interface Acknowledged {
  partition: string;
  offset: number;
}

const VIOLATIONS_KEPT = 20;

/** What clients saw, and what must hold of it. A violation is a sentence. */
export class History {
  readonly violations: string[] = [];
  readonly #acknowledged = new Map<number, Acknowledged>();
  /** What was ever seen at an offset: acknowledged there, or read there. */
  readonly #seen = new Map<string, number>();
  readonly #watermarks = new Map<string, number>();
  readonly #leaders = new Map<string, string>();
  /** Records that a gateway has on its disk, by partition. */
  readonly #promised = new Map<number, string>();
  reads = 0;

  get acknowledgements(): number {
    return this.#acknowledged.size;
  }

  /** H1: in one epoch one broker alone acknowledges. H2: one offset means one record, whoever looks. */
  acknowledged(at: { partition: string; epoch: number; broker: string }, batch: SimBatch): void {
    const { partition, epoch, broker } = at;
    const leadership = `${partition} epoch ${epoch}`;
    const other = this.#leaders.get(leadership) ?? broker;
    this.#leaders.set(leadership, broker);
    if (other !== broker) this.violated(`${other} and ${broker} both acknowledged in ${leadership}`);
    batch.records.forEach((record, index) => {
      const offset = batch.baseOffset + index;
      this.#acknowledged.set(record, { partition, offset });
      this.#see(partition, offset, record, 'acknowledged');
    });
  }

  /** A device was told that the gateway has it. */
  promised(partition: string, records: readonly number[]): void {
    for (const record of records) this.#promised.set(record, partition);
  }

  read(partition: string, offset: number, record: number): void {
    this.reads++;
    this.#see(partition, offset, record, 'read');
  }

  /** H3: within a leadership the high watermark never goes back. */
  highWatermark(partition: string, epoch: number, broker: string, offset: number): void {
    const leadership = `${partition} epoch ${epoch} on ${broker}`;
    const before = this.#watermarks.get(leadership) ?? 0;
    if (offset < before)
      this.violated(`the high watermark of ${leadership} went from ${before} to ${offset}`);
    this.#watermarks.set(leadership, offset);
  }

  /** H4: what lies below a high watermark is never cut away. */
  truncated(partition: string, broker: string, endOffset: number, highWatermark: number): void {
    if (endOffset < highWatermark)
      this.violated(`${broker} cut ${partition} at ${endOffset}, below its high watermark ${highWatermark}`);
  }

  /** A producer is told that its sequence leaves a gap: so a batch that it was promised is missing. */
  sequenceLost(partition: string, producer: number, sequence: number): void {
    this.violated(`producer ${producer} of ${partition} is out of order at batch ${sequence}`);
  }

  /**
   * When all is quiet. H5: replicas are alike. H6: what was acknowledged is where it was said to be. H7: no record is there twice.
   * H8: a producer's batches are in order, and so are a run's. H9: all that gateways have is here.
   */
  finish(partition: string, replicas: readonly { broker: string; batches: readonly SimBatch[] }[]): void {
    const [first, ...others] = replicas;
    const text = JSON.stringify(first!.batches);
    for (const other of others) {
      if (JSON.stringify(other.batches) !== text)
        this.violated(`${first!.broker} and ${other.broker} differ in ${partition}`);
    }
    const places = new Map<number, number>();
    const sequences = new Map<number, number>();
    for (const batch of first!.batches) {
      const { baseOffset, producer, sequence, records } = batch;
      const expected = sequences.get(producer) ?? 0;
      if (sequence !== expected)
        this.violated(`batch ${sequence} of producer ${producer} is where ${expected} is next`);
      sequences.set(producer, sequenceAfter(batch));
      records.forEach((record, index) => {
        if (places.has(record)) this.violated(`record ${record} is in ${partition} twice`);
        places.set(record, baseOffset + index);
      });
    }
    for (const [record, where] of this.#promised) {
      if (where === partition && !places.has(record))
        this.violated(`record ${record}, which a gateway has, is not in ${partition}`);
    }
    for (const [record, at] of this.#acknowledged) {
      if (at.partition !== partition || places.get(record) === at.offset) continue;
      this.violated(
        `record ${record}, acknowledged at ${partition} ${at.offset}, is ${places.get(record) === undefined ? 'lost' : `at ${places.get(record)}`}`,
      );
    }
  }

  violated(what: string): void {
    if (this.violations.length < VIOLATIONS_KEPT) this.violations.push(what);
  }

  #see(partition: string, offset: number, record: number, how: string): void {
    const key = `${partition} ${offset}`;
    const known = this.#seen.get(key) ?? record;
    this.#seen.set(key, known);
    if (known !== record) this.violated(`at ${key} record ${known} was seen before, now ${record} is ${how}`);
  }
}

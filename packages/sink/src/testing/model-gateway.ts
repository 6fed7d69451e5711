import { assert } from '@edgelog/base';
import type { HubPort, Position, Refusal, RunInfo } from '@edgelog/sync';
import { RESERVED_PRODUCER_ID_MIN, RecordsEncoder, readBatchHeader, sequenceOf } from '@edgelog/wire';

export interface GatewayOptions {
  readonly number: number;
  readonly topic: string;
  readonly firstOffset: number;
  /** Records in the batch with this number, and the time of its newest. */
  readonly batch: (number: number) => { readonly records: number; readonly time: number };
  readonly batches: number;
  /** How many of them are sealed by now. */
  readonly sealed: () => number;
}

/** A gateway with one run: sends it to whichever sink it is told to, compares positions as an agent does, and remembers what was acknowledged. */
export class ModelGateway {
  readonly info: RunInfo;
  readonly name: string;
  /** Where each batch begins, and behind the last one. */
  readonly starts: readonly number[];
  readonly #batches: readonly Buffer[];
  acked: Position | undefined;
  /** What an agent would have called divergence, with which it begins a new run and perhaps sends again. */
  readonly alarms: string[] = [];
  #session = 0;
  /** It found that the cluster has other records than it does: an agent begins another run. */
  isDiverged = false;
  readonly #sealed: () => number;
  #pump = () => {};

  constructor({ number, topic, firstOffset, batch, batches, sealed: countSealed }: GatewayOptions) {
    this.#sealed = countSealed;
    const producerId = RESERVED_PRODUCER_ID_MIN + number;
    this.name = `gateway-${number}`;
    this.info = { producerId, logId: `log-${number}`, topic, firstOffset };
    const [starts, sealed] = [[firstOffset], [] as Buffer[]];
    for (let i = 0; i < batches; i++) {
      const start = starts[i]!;
      const { records, time } = batch(i);
      const encoder = new RecordsEncoder({ baseOffset: start, baseTimestamp: time });
      for (let j = 0; j < records; j++)
        encoder.append({ timestamp: time, key: null, value: Buffer.from(`${start + j}`) });
      const fields = {
        compression: 'none',
        producerId,
        producerEpoch: 0,
        baseSequence: sequenceOf(start),
      } as const;
      sealed.push(encoder.sealSync(fields));
      starts.push(start + records);
    }
    this.starts = starts;
    this.#batches = sealed;
  }

  get isDone(): boolean {
    return this.acked?.next === this.starts.at(-1);
  }

  /** A copy of the batch with this number. */
  batch(number: number): Buffer {
    return Buffer.from(this.#batches[number]!);
  }

  crcEndingAt(next: number): number | undefined {
    const index = this.starts.indexOf(next) - 1;
    const batch = this.#batches[index];
    return batch === undefined ? undefined : readBatchHeader(batch).crc;
  }

  /** The process of this gateway's session is gone, or its connection: what comes back of it is of no use. */
  leave(): void {
    this.#session++;
    this.#pump();
  }

  /** More may be sealed. */
  notify(): void {
    this.#pump();
  }

  /**
   * Opens the run at a hub and sends what it does not have yet, so many batches ahead of what is acknowledged. Resolves when it is refused, or
   * was told to leave, or all is acknowledged.
   */
  async send(hub: HubPort, ahead: number): Promise<Refusal | undefined> {
    const session = ++this.#session;
    const opened = await hub.openRun(this.name, this.info, this.acked);
    if (session !== this.#session) return undefined;
    if (!opened.ok) return opened;
    const { position } = opened;
    const next = position?.next ?? this.info.firstOffset;
    if (this.acked !== undefined && next < this.acked.next)
      this.alarms.push(`${next} after ${this.acked.next} was acknowledged`);
    if (position !== undefined && this.crcEndingAt(next) !== position.crc) {
      this.alarms.push(`another CRC at ${next}`);
      this.isDiverged = true;
      return undefined;
    }
    if (position !== undefined) this.#acknowledge(position);
    return new Promise((resolve) => {
      let sent = this.starts.indexOf(next);
      let acknowledged = sent;
      assert(sent >= 0, `${next} is where a batch ends`);
      const pump = () => {
        if (session !== this.#session || this.isDone) return resolve(undefined);
        for (; sent < Math.min(acknowledged + ahead, this.#sealed(), this.#batches.length); sent++) {
          const memory = this.batch(sent);
          const answer = hub.append(this.info.producerId, memory);
          if (!answer.ok) return resolve(answer);
          void answer.committed.then((outcome) => {
            // As an agent uses it again.
            if ('next' in outcome) memory.fill(0xff);
            if (session !== this.#session) return resolve(undefined);
            if ('ok' in outcome) return resolve(outcome);
            this.#acknowledge(outcome);
            acknowledged = this.starts.indexOf(outcome.next);
            pump();
          });
        }
      };
      this.#pump = pump;
      pump();
    });
  }

  #acknowledge(position: Position): void {
    assert(this.crcEndingAt(position.next) === position.crc, 'what is acknowledged is what was sent');
    if (position.next > (this.acked?.next ?? -1)) this.acked = position;
  }
}

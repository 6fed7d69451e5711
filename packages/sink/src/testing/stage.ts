import { silentLogger } from '@edgelog/runtime';
import { expect } from 'vitest';
import { sinkSettings } from '../settings.ts';
import { openKafkaSink } from '../sink.ts';
import type { KafkaSink } from '../sink-types.ts';
import { ModelGateway } from './model-gateway.ts';
import { type ModelClient, ModelKafka } from './model-kafka.ts';
import { VirtualTime } from './virtual-time.ts';

export const START_AT = Date.UTC(2026, 0, 1);
export const DAY_MS = 86_400_000;
export const TOPIC = 'telemetry';

/** A cluster in which nothing happens but what a test does to it. */
export class Stage {
  readonly time = new VirtualTime(START_AT);
  readonly kafka: ModelKafka;
  readonly #recordsKept: number | undefined;
  #instances = 0;

  constructor({ partitions = 1, recordsKept }: { partitions?: number; recordsKept?: number } = {}) {
    this.kafka = new ModelKafka({ time: this.time, random: () => 0.5, expirationMs: DAY_MS, partitions });
    this.#recordsKept = recordsKept;
    this.kafka.create(TOPIC, {});
  }

  async sink(): Promise<{ sink: KafkaSink; client: ModelClient }> {
    const client = this.kafka.client();
    const now = () => this.time.now;
    const after = (ms: number, run: () => void) => this.time.after(ms, () => client.isDead || run());
    const clocks = { timers: { after }, now, monotonic: now, instance: `process-${++this.#instances}` };
    const opening = openKafkaSink({
      cluster: client,
      log: silentLogger,
      settings: sinkSettings(),
      recordsKept: this.#recordsKept,
      ...clocks,
    });
    return { sink: await this.until(opening), client };
  }

  /** Of records that are a month old: forgotten when the test wants it. `own`: what a clone has of its own, or from the batch `ownFrom` on. */
  gateway(number = 0, own = 0, batches = 40, ownFrom = batches): ModelGateway {
    const batch = (i: number) => {
      const isOwn = i >= ownFrom;
      return { records: 1, time: START_AT - 30 * DAY_MS + own + (isOwn ? 1 : 0) };
    };
    return new ModelGateway({
      number,
      topic: TOPIC,
      firstOffset: 0,
      batch,
      batches,
      sealed: () => this.sealed,
    });
  }

  sealed = 5;

  async until<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    promise.then(over, over);
    await this.time.run(this.time.now + DAY_MS, () => isOver);
    return promise;
  }

  /** Sends all that is sealed, and stays. */
  async send(gateway: ModelGateway, { sink }: { sink: KafkaSink }): Promise<void> {
    const until = this.time.now + 60_000;
    const isDone = () => gateway.acked?.next === this.sealed;
    while (!isDone() && this.time.now < until) {
      const sending = gateway.send(sink, 4);
      let isOver = false;
      void sending.then(() => {
        isOver = true;
      });
      await this.time.run(until, () => isOver || isDone());
      if (isOver) await this.time.run(this.time.now + 500);
    }
    expect(gateway.acked?.next).toBe(this.sealed);
  }

  get partition() {
    return this.kafka.topic(TOPIC)!.partitions[0]!;
  }

  forget(): void {
    this.partition.expire(Number.POSITIVE_INFINITY);
  }

  position(gateway: ModelGateway, { sink }: { sink: KafkaSink }) {
    return this.until(sink.openRun(gateway.name, gateway.info, gateway.acked));
  }
}

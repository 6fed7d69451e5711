import { setTimeout as sleep } from 'node:timers/promises';
import { apis } from '@edgelog/wire';
import type { RawClient } from '../support/raw-client.ts';
import { type ClientContext, keepConnected } from './connected.ts';
import type { PartitionLedger } from './partition-ledger.ts';
import { type Draft, drawBatch, drawKeyedBatch, receiveAnswer, sendBatches } from './produce.ts';

const IN_FLIGHT_MAX = 5;
/** Requests under one producer id, before the producer begins anew. */
const LIFE_MAX = 2_000;

/**
 * Sends as Kafka's idempotent producer does: five requests in flight, and after a lost connection all of them again that have no
 * answer, the same batches in the same order.
 */
export class IdempotentProducer {
  readonly #context: ClientContext;
  readonly #partitions: readonly PartitionLedger[];
  readonly #pauseMs: number;
  #producerId = -1;
  #left = 0;
  #nextSequence = new Map<PartitionLedger, number>();
  /** Requests without an answer. */
  readonly #inFlight: Draft[][] = [];

  constructor(context: ClientContext, partitions: readonly PartitionLedger[], pauseMs = 0) {
    this.#context = context;
    this.#partitions = partitions;
    this.#pauseMs = pauseMs;
  }

  run(): Promise<void> {
    return keepConnected(this.#context, (client) => this.#session(client));
  }

  async #session(client: RawClient): Promise<void> {
    const { gate } = this.#context;
    for (const request of this.#inFlight) sendBatches(client, request);
    while (gate.isOpen || this.#inFlight.length > 0) {
      if (this.#left === 0 && this.#inFlight.length === 0) await this.#beginAnew(client);
      while (gate.isOpen && this.#left > 0 && this.#inFlight.length < IN_FLIGHT_MAX) {
        const request = this.#draw();
        this.#inFlight.push(request);
        sendBatches(client, request);
      }
      if (this.#inFlight.length === 0) continue;
      await receiveAnswer(client, this.#inFlight[0]!);
      this.#inFlight.shift();
      if (this.#pauseMs > 0) await sleep(this.#pauseMs);
    }
  }

  async #beginAnew(client: RawClient): Promise<void> {
    const { book, prng } = this.#context;
    const ask = { transactionalId: null, transactionTimeoutMs: 1000 };
    const { producerId } = await client.call(apis.initProducerId, 0, ask);
    if (book.producerIds.has(producerId))
      book.violations.push(`producer id ${producerId} was given out twice`);
    book.producerIds.add(producerId);
    this.#producerId = producerId;
    this.#nextSequence = new Map();
    this.#left = prng.between(1, LIFE_MAX);
  }

  #draw(): Draft[] {
    const { prng } = this.#context;
    this.#left -= 1;
    const some = this.#partitions.filter(() => prng.chance(0.4));
    return (some.length > 0 ? some : [prng.pick(this.#partitions)]).map((ledger) => {
      const baseSequence = this.#nextSequence.get(ledger) ?? 0;
      const draw = ledger.keeping.isCompacted === true ? drawKeyedBatch : drawBatch;
      const draft = draw(ledger, prng, { producerId: this.#producerId, baseSequence });
      this.#nextSequence.set(ledger, baseSequence + draft.recordCount);
      return draft;
    });
  }
}

/** Sends each batch once, whatever becomes of it. */
export class PlainProducer {
  readonly #context: ClientContext;
  readonly #partitions: readonly PartitionLedger[];

  constructor(context: ClientContext, partitions: readonly PartitionLedger[]) {
    this.#context = context;
    this.#partitions = partitions;
  }

  run(): Promise<void> {
    return keepConnected(this.#context, (client) => this.#session(client));
  }

  async #session(client: RawClient): Promise<void> {
    const { gate, prng } = this.#context;
    const inFlight: Draft[][] = [];
    while (gate.isOpen || inFlight.length > 0) {
      while (gate.isOpen && inFlight.length < IN_FLIGHT_MAX) {
        const request = [drawBatch(prng.pick(this.#partitions), prng)];
        inFlight.push(request);
        sendBatches(client, request);
      }
      await receiveAnswer(client, inFlight.shift()!);
    }
  }
}

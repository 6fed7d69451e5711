import { setTimeout as sleep } from 'node:timers/promises';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { batchOf } from './batches.ts';
import { RawClient } from './raw-client.ts';

const IN_FLIGHT = 5;

/**
 * Sends numbered records to one partition as Kafka's producers do: five batches in flight, and after a lost connection again from
 * the first that has no answer. `acknowledged` counts records.
 */
export class IdempotentProducer {
  readonly #port: number;
  readonly #topic: string;
  readonly #index: number;
  #producerId = -1;
  #stopped = false;
  acknowledged = 0;
  reconnects = 0;

  constructor(port: number, topic: string, index: number) {
    this.#port = port;
    this.#topic = topic;
    this.#index = index;
  }

  /** Sends until `stop`, and ends when all that was sent is acknowledged. */
  async run(): Promise<void> {
    for (let sent = 0; !this.#stopped || this.acknowledged < sent; ) {
      try {
        const client = await RawClient.connect(this.#port);
        sent = Math.max(sent, await this.#session(client, sent));
        client.end();
      } catch (error) {
        if (error instanceof ProduceRefused) throw error;
        this.reconnects += 1;
        await sleep(20);
      }
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #session(client: RawClient, sentBefore: number): Promise<number> {
    if (this.#producerId < 0) {
      const ask = { transactionalId: null, transactionTimeoutMs: 1000 };
      this.#producerId = (await client.call(apis.initProducerId, 0, ask)).producerId;
    }
    const pending: number[] = [];
    let next = this.acknowledged;
    let sent = sentBefore;
    const wantsMore = () => next < sent || !this.#stopped;
    while (wantsMore() || pending.length > 0) {
      while (wantsMore() && pending.length < IN_FLIGHT) {
        const count = sizeOfBatch(next);
        this.#send(client, next, count);
        pending.push(next + count);
        next += count;
        sent = Math.max(sent, next);
      }
      const { body } = await client.receive(apis.produce, 9);
      const { errorCode, errorMessage } = body.responses[0]!.partitionResponses[0]!;
      if (errorCode !== ErrorCode.NONE) throw new ProduceRefused(`${errorName(errorCode)}: ${errorMessage}`);
      this.acknowledged = pending.shift()!;
    }
    return sent;
  }

  #send(client: RawClient, first: number, count: number): void {
    const values = Array.from({ length: count }, (_, i) => String(first + i));
    const records = batchOf(values, { producerId: this.#producerId, producerEpoch: 0, baseSequence: first });
    const topicData = [{ name: this.#topic, partitionData: [{ index: this.#index, records }] }];
    client.send(apis.produce, 9, { acks: -1, timeoutMs: 1000, topicData });
  }
}

class ProduceRefused extends Error {}

/** By the first record, so that a batch sent again is the same batch. */
function sizeOfBatch(first: number): number {
  return 1 + ((first * 7) % 40);
}

import type { Connection } from '@edgelog/client';
import type { Prng } from '@edgelog/sim';
import { apis, type ErrorName, errorName, RecordsEncoder } from '@edgelog/wire';
import { sleep } from '../../harness/wait.ts';
import type { History } from '../history/history.ts';
import { labelOf, type Stream } from '../history/stream.ts';
import type { Gate } from './gate.ts';
import type { Leader, Routes } from './routes.ts';

export interface RawProducerOptions {
  readonly name: string;
  readonly topic: string;
  readonly index: number;
  readonly inFlightMax: number;
  /** Records of a batch, at most, and their sizes. */
  readonly recordsMax: number;
  readonly sizeBytesMax: number;
  readonly pauseMs: number;
  readonly onAcknowledged?: (partition: string) => void;
}

interface Batch {
  readonly bytes: Buffer;
  readonly firstNumber: number;
  readonly recordCount: number;
}

/** Answers upon which the same batch is sent again, to whoever leads then. */
const RETRIED: ReadonlySet<ErrorName> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'REQUEST_TIMED_OUT',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'KAFKA_STORAGE_ERROR',
  'BROKER_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
]);
const PRODUCE_TIMEOUT_MS = 5_000;

/**
 * An idempotent producer of one partition, to the letter: several batches in flight, and after any fault all of them again that were
 * not acknowledged, the same bytes in the same order. It never gives up, so each of its records is to be stored exactly once.
 */
export class RawProducer {
  readonly #options: RawProducerOptions;
  readonly #routes: Routes;
  readonly #history: History;
  readonly #prng: Prng;
  readonly #unacknowledged: Batch[] = [];
  #stream: Stream;
  #generation = 0;
  #producerId = -1;
  /** Sessions since something was acknowledged. */
  #failures = 0;

  constructor(options: RawProducerOptions, routes: Routes, history: History, prng: Prng) {
    this.#options = options;
    this.#routes = routes;
    this.#history = history;
    this.#prng = prng;
    this.#stream = history.stream(options.name, { neverGivesUp: true });
  }

  /** Until the gate is closed and everything is acknowledged, or `abandoned` says that there is no more hope. */
  async run(gate: Gate, abandoned: () => boolean): Promise<void> {
    const { topic, index } = this.#options;
    const isWanted = (): boolean => !abandoned() && (gate.isOpen || this.#unacknowledged.length > 0);
    while (isWanted()) {
      const connected = await this.#routes.connect(topic, index, isWanted);
      if (connected === undefined) return;
      try {
        if (this.#producerId < 0) await this.#begin(connected.connection);
        await this.#session(connected.connection, connected.leader, gate);
      } catch {
        // Whatever it is, what has no answer is sent again.
      } finally {
        connected.connection.close();
      }
      await this.#routes.again(this.#failures++);
    }
  }

  async #begin(connection: Connection): Promise<void> {
    const answer = await connection.request(apis.initProducerId, {
      transactionalId: null,
      transactionTimeoutMs: 1_000,
    });
    if (answer.errorCode === 0) this.#producerId = answer.producerId;
    else throw new Error(errorName(answer.errorCode));
  }

  /** Sends all that has no answer, then more, until something goes wrong or there is no more to do. */
  async #session(connection: Connection, leader: Leader, gate: Gate): Promise<void> {
    const { inFlightMax, pauseMs } = this.#options;
    const inFlight = new Set<Promise<void>>();
    let isFine = true;
    const send = (batch: Batch): void => {
      const answered: Promise<void> = this.#send(connection, leader, batch)
        .then(
          (isDone) => {
            isFine &&= isDone;
          },
          () => {
            isFine = false;
          },
        )
        .finally(() => inFlight.delete(answered));
      inFlight.add(answered);
    };
    for (const batch of this.#unacknowledged) send(batch);
    while (isFine) {
      const isFull = this.#unacknowledged.length >= inFlightMax;
      if (gate.isOpen && !isFull) {
        const batch = this.#draw();
        this.#unacknowledged.push(batch);
        send(batch);
        await sleep(pauseMs);
      } else if (inFlight.size > 0) await Promise.race(inFlight);
      else break;
    }
    await Promise.all(inFlight);
  }

  /** Whether the batch is done; false when it is to be sent again. */
  async #send(connection: Connection, leader: Leader, batch: Batch): Promise<boolean> {
    const { topic, index, onAcknowledged } = this.#options;
    const answer = await connection.request(apis.produce, {
      acks: -1,
      timeoutMs: PRODUCE_TIMEOUT_MS,
      topicData: [{ name: topic, topicId: leader.topicId, partitionData: [{ index, records: batch.bytes }] }],
    });
    const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
    const name = errorName(errorCode);
    const position = this.#unacknowledged.indexOf(batch);
    if (name === 'NONE' || name === 'DUPLICATE_SEQUENCE_NUMBER') {
      const isOffsetKnown = name === 'NONE' && baseOffset >= 0;
      for (let i = 0; i < batch.recordCount; i++) {
        const offset = isOffsetKnown ? baseOffset + i : undefined;
        this.#history.acknowledged(this.#stream, batch.firstNumber + i, `${topic}-${index}`, offset);
      }
      this.#unacknowledged.splice(position, 1);
      this.#failures = 0;
      onAcknowledged?.(`${topic}-${index}`);
      return true;
    }
    // Behind a batch that failed, the next ones are out of order; the first one never is.
    if (RETRIED.has(name) || (name === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && position > 0)) return false;
    this.#history.violation('refused', `${this.#stream.name}:${batch.firstNumber} was refused: ${name}`, {
      partition: `${topic}-${index}`,
    });
    this.#beginAnew();
    return false;
  }

  /** After a violation: as another producer, so that the next one can be found. */
  #beginAnew(): void {
    this.#generation += 1;
    this.#stream = this.#history.stream(`${this.#options.name}.${this.#generation}`, { neverGivesUp: true });
    this.#producerId = -1;
    this.#unacknowledged.length = 0;
  }

  #draw(): Batch {
    const { recordsMax, sizeBytesMax } = this.#options;
    const firstNumber = this.#stream.sent;
    const recordCount = this.#prng.between(1, recordsMax);
    const timestamp = Date.now();
    const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
    for (let i = 0; i < recordCount; i++) {
      const value = labelOf(this.#stream.name, firstNumber + i, this.#prng.between(0, sizeBytesMax));
      encoder.append({ timestamp, key: this.#stream.name, value });
    }
    this.#stream.sent += recordCount;
    const bytes = encoder.sealSync({
      compression: this.#prng.pick(['none', 'none', 'gzip']), // kafkajs reads no other
      producerId: this.#producerId,
      producerEpoch: 0,
      baseSequence: firstNumber,
    });
    return { bytes, firstNumber, recordCount };
  }
}

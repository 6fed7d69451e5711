import { assert } from '@edgelog/base';
import { decodeMessage, encodeMessage, type Message } from './message.ts';
import { parseQueueKey, queueKey, queueRange } from './row.ts';
import type { Table } from './table.ts';

export interface QueueLimits {
  /** Of one session. */
  messages: number;
  bytes: number;
  /** Of all sessions together. */
  allBytes: number;
}

/** What all queues share. */
export interface QueueShare {
  table: Table;
  limits: QueueLimits;
  /** Bytes in all queues. */
  allBytes: number;
}

export interface Queued {
  seq: number;
  sizeBytes: number;
  /** Undefined: the subscriber has it, PUBREL is to be sent (QoS 2). */
  message: Message | undefined;
}

const STATE = { publish: 0, released: 1 } as const;
/** Packet ids are 1 to 65,535. */
const PACKET_IDS = 65_535;
/** Messages in flight lie closer together than this, so that no two have the same packet id. */
export const SEQ_SPAN_MAX = 60_000;

/** A message's packet id follows from its place: after a crash it is sent again under the same one [MQTT-4.4.0-1]. */
export function packetIdOf(seq: number): number {
  return (seq % PACKET_IDS) + 1;
}

/**
 * The messages a persistent session has not acknowledged, in the order they were published. On disk; what is in memory is
 * how many and where they lie. Only what a commit has flushed is handed out: a packet id that a subscriber has seen is
 * never given to another message.
 */
export class SessionQueue {
  readonly #number: number;
  readonly #share: QueueShare;
  readonly #onFlushed: () => void;
  #nextSeq = 0;
  #flushedSeq = 0;
  #messages = 0;
  #bytes = 0;
  readonly #flushing: { done: Promise<void>; seq: number }[] = [];

  constructor(number: number, share: QueueShare, onFlushed: () => void) {
    this.#number = number;
    this.#share = share;
    this.#onFlushed = onFlushed;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** One past the newest message on disk. */
  get flushedSeq(): number {
    return this.#flushedSeq;
  }

  /** A message that was found on disk at the start; they come in order. */
  found(seq: number, sizeBytes: number): void {
    assert(seq >= this.#nextSeq, `queue ${this.#number}: message ${seq} behind ${this.#nextSeq}`);
    this.#nextSeq = seq + 1;
    this.#flushedSeq = this.#nextSeq;
    this.#count(1, sizeBytes);
  }

  /** False: there is no room for it. */
  push(message: Message): boolean {
    const value = Buffer.concat([Buffer.of(STATE.publish), encodeMessage(message)]);
    const { limits, table, allBytes } = this.#share;
    if (
      this.#messages >= limits.messages ||
      this.#bytes + value.length > limits.bytes ||
      allBytes + value.length > limits.allBytes ||
      !table.hasRoom(value.length)
    ) {
      return false;
    }
    const seq = this.#nextSeq++;
    table.put(queueKey(this.#number, seq, value.length), value);
    this.#count(1, value.length);
    this.#awaitFlush(table.commit());
    return true;
  }

  /** Up to `limit` messages on disk from `seq` on. */
  read(seq: number, limit: number): Queued[] {
    const [start, end] = queueRange(this.#number, seq);
    const found: Queued[] = [];
    for (const [key, value] of this.#share.table.range(start, end, limit)) {
      const at = parseQueueKey(key);
      if (at.seq >= this.#flushedSeq) break;
      const message = value[0] === STATE.released ? undefined : decodeMessage(value.subarray(1));
      found.push({ seq: at.seq, sizeBytes: at.sizeBytes, message });
    }
    return found;
  }

  /** The subscriber has the message (PUBREC). Resolves when that is on disk, so that PUBREL may be sent. */
  release({ seq, sizeBytes }: Pick<Queued, 'seq' | 'sizeBytes'>): Promise<void> {
    this.#share.table.put(queueKey(this.#number, seq, sizeBytes), Buffer.of(STATE.released));
    return this.#share.table.commit();
  }

  /** The subscriber is through with the message. Written with the next commit: at worst it is sent once more. */
  remove({ seq, sizeBytes }: Pick<Queued, 'seq' | 'sizeBytes'>): void {
    this.#share.table.remove(queueKey(this.#number, seq, sizeBytes));
    this.#count(-1, -sizeBytes);
  }

  clear(): void {
    this.#share.table.removeRange(...queueRange(this.#number));
    this.#count(-this.#messages, -this.#bytes);
  }

  #count(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
    this.#share.allBytes += bytes;
  }

  #awaitFlush(done: Promise<void>): void {
    const last = this.#flushing.at(-1);
    if (last?.done === done) {
      last.seq = this.#nextSeq;
      return;
    }
    const group = { done, seq: this.#nextSeq };
    this.#flushing.push(group);
    void done.then(() => {
      this.#flushing.shift();
      this.#flushedSeq = group.seq;
      this.#onFlushed();
    });
  }
}

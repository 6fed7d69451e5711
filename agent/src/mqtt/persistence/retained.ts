import { z } from 'zod';
import { filterMatches, literalPrefix } from './filters.ts';
import { decodeMessage, encodeMessage, type Message } from './message.ts';
import { namedKey, namesWith, ROW } from './row.ts';
import type { Table } from './table.ts';

export interface RetainedLimits {
  messages: number;
  bytes: number;
}

const TOTALS_KEY = `${ROW.meta}retained`;
const totalsSchema = z.object({ messages: z.number(), bytes: z.number() });

/**
 * Retained messages, on disk. Beyond the limits a message is passed on but not retained, nor is what its topic held
 * before: an old value would be taken for the present one.
 */
export class RetainedMessages {
  readonly #table: Table;
  readonly #limits: RetainedLimits;
  readonly #onDrop: (topic: string) => void;
  #totals = { messages: 0, bytes: 0 };

  constructor(table: Table, limits: RetainedLimits, onDrop: (topic: string) => void) {
    this.#table = table;
    this.#limits = limits;
    this.#onDrop = onDrop;
    const stored = table.get(TOTALS_KEY);
    if (stored !== undefined) this.#totals = totalsSchema.parse(JSON.parse(stored.toString()));
  }

  get messages(): number {
    return this.#totals.messages;
  }

  get bytes(): number {
    return this.#totals.bytes;
  }

  /** An empty payload clears the topic [MQTT-3.3.1-6]. */
  store(message: Message): void {
    const key = namedKey(ROW.retained, message.topic);
    const before = this.#table.get(key);
    if (message.payload.length === 0) {
      if (before !== undefined) this.#remove(key, before);
      return;
    }
    const bytes = encodeMessage({ ...message, retain: true });
    const messages = this.#totals.messages + (before === undefined ? 1 : 0);
    const allBytes = this.#totals.bytes - (before?.length ?? 0) + bytes.length;
    const { messages: most, bytes: mostBytes } = this.#limits;
    if (messages > most || allBytes > mostBytes || !this.#table.hasRoom(bytes.length)) {
      if (before !== undefined) this.#remove(key, before);
      this.#onDrop(message.topic);
      return;
    }
    this.#table.put(key, bytes);
    this.#count(messages, allBytes);
  }

  /** Those that match any of the filters, read a page at a time. A topic comes once for each filter. */
  *matching(filters: readonly string[]): Generator<Message> {
    for (const filter of filters) {
      if (literalPrefix(filter) === filter) {
        const bytes = this.#table.get(namedKey(ROW.retained, filter));
        if (bytes !== undefined) yield decodeMessage(bytes);
        continue;
      }
      for (const [, bytes] of this.#table.all(...namesWith(ROW.retained, literalPrefix(filter)))) {
        const message = decodeMessage(bytes);
        if (filterMatches(filter, message.topic)) yield message;
      }
    }
  }

  #remove(key: string, before: Buffer): void {
    this.#table.remove(key);
    this.#count(this.#totals.messages - 1, this.#totals.bytes - before.length);
  }

  #count(messages: number, bytes: number): void {
    this.#totals = { messages, bytes };
    this.#table.put(TOTALS_KEY, Buffer.from(JSON.stringify(this.#totals)));
  }
}

import { z } from 'zod';
import { filterMatches, literalPrefix } from './filters.ts';
import { decodeMessage, encodeMessage, type Message } from './message.ts';
import { namedKey, nameIn, namesWith, ROW } from './row.ts';
import type { Table } from './table.ts';

export interface RetainedLimits {
  messages: number;
  bytes: number;
}

const PAGE_ROWS = 128;
const NOTHING = Buffer.alloc(0);
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
  #lastTurn: Promise<void> = Promise.resolve();

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

  /** Whether a message that was read here is still what its topic retains. */
  has({ topic, payload }: Pick<Message, 'topic' | 'payload'>): boolean {
    const bytes = this.#table.get(namedKey(ROW.retained, topic));
    return bytes !== undefined && decodeMessage(bytes).payload.equals(payload);
  }

  /** What a topic retains now; empty where it retains nothing any more. */
  payloadOf(topic: string): Buffer {
    const bytes = this.#table.get(namedKey(ROW.retained, topic));
    return bytes === undefined ? NOTHING : decodeMessage(bytes).payload;
  }

  /**
   * Those that match any of the filters, read a page at a time: whoever asks, one page in a turn of the event loop, so that nobody's
   * SUBSCRIBE holds up ingest. A topic comes once for each filter, with what it retains when it is taken: a subscriber that takes them slowly
   * holds one message and not a page of them, which may have 64 MiB.
   */
  async *matching(filters: readonly string[]): AsyncGenerator<Message> {
    for (const filter of filters) {
      if (literalPrefix(filter) === filter) {
        const bytes = this.#table.get(namedKey(ROW.retained, filter));
        if (bytes !== undefined) yield decodeMessage(bytes);
        continue;
      }
      const [start, end] = namesWith(ROW.retained, literalPrefix(filter));
      for (let from: string | undefined = start; from !== undefined; ) {
        await this.#turn();
        const page: string[] = this.#table.keys(from, end, PAGE_ROWS);
        from = page.length < PAGE_ROWS ? undefined : `${page.at(-1)!}\0`;
        for (const key of page) {
          const topic = nameIn(key);
          if (topic !== undefined && !filterMatches(filter, topic)) continue;
          const bytes = this.#table.get(key);
          const message = bytes && decodeMessage(bytes);
          if (message !== undefined && filterMatches(filter, message.topic)) yield message;
        }
      }
    }
  }

  /** Resolves in a turn of the event loop that is nobody else's. */
  #turn(): Promise<void> {
    this.#lastTurn = this.#lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#lastTurn;
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

import { z } from 'zod';
import { namedKey, ROW } from './row.ts';
import type { Table } from './table.ts';

const rowSchema = z.object({
  clientId: z.string(),
  messageId: z.number().int(),
  /** CRC-32C of topic and payload. */
  crc: z.number().int(),
});
type Row = z.output<typeof rowSchema>;

/** Beyond, a message that a crash cut off is rather handed on twice than never. */
const ROWS_MAX = 100_000;

/**
 * Publishers' QoS 2 messages that are in the queues of local sessions, until PUBREL: whether a crash came before or after they were queued
 * cannot be told from the log. Each is written in the transaction that queues it.
 */
export class HandedOn {
  readonly #table: Table;
  readonly #isUnreleased: (row: Row) => boolean;
  /** By publisher: packet id, and what it stands for. */
  readonly #messages = new Map<string, Map<number, number>>();
  #rows = 0;

  /** What the log has not, any more, is dropped: `isUnreleased` knows. */
  constructor(table: Table, isUnreleased: (row: Row) => boolean) {
    this.#table = table;
    this.#isUnreleased = isUnreleased;
    for (const [key, value] of table.all(ROW.handedOn, `${ROW.handedOn}\u00ff`)) {
      const row = rowSchema.parse(JSON.parse(value.toString()));
      if (isUnreleased(row)) this.#set(row);
      else table.remove(key);
    }
  }

  /** To be called in the turn that queues the message. A client that did not wait with PUBREL, or its session, may have ended it before. */
  add(row: Row): void {
    if (this.#rows >= ROWS_MAX || !this.#isUnreleased(row)) return;
    const value = Buffer.from(JSON.stringify(row));
    if (!this.#table.hasRoom(value.length)) return;
    this.#set(row);
    this.#table.put(keyOf(row.clientId, row.messageId), value);
  }

  has({ clientId, messageId, crc }: Row): boolean {
    return this.#messages.get(clientId)?.get(messageId) === crc;
  }

  holds(clientId: string, messageId: number): boolean {
    return this.#messages.get(clientId)?.has(messageId) === true;
  }

  /** After PUBREL, when the log has released the id. What it answers, if anything, resolves when the id may stand for another message. */
  release(clientId: string, messageId: number): Promise<void> | undefined {
    const ofClient = this.#messages.get(clientId);
    if (ofClient?.delete(messageId) !== true) return undefined;
    if (ofClient.size === 0) this.#messages.delete(clientId);
    this.#rows--;
    this.#table.remove(keyOf(clientId, messageId));
    return this.#table.commit();
  }

  /** The publisher's session has ended. */
  forget(clientId: string): void {
    for (const messageId of [...(this.#messages.get(clientId)?.keys() ?? [])]) {
      void this.release(clientId, messageId);
    }
  }

  #set({ clientId, messageId, crc }: Row): void {
    const ofClient = this.#messages.get(clientId) ?? new Map<number, number>();
    if (!ofClient.has(messageId)) this.#rows++;
    ofClient.set(messageId, crc);
    this.#messages.set(clientId, ofClient);
  }
}

function keyOf(clientId: string, messageId: number): string {
  return namedKey(ROW.handedOn, `${messageId}/${clientId}`);
}

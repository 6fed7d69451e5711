import { decodeMessage, encodeMessage, type Message } from './message.ts';
import { namedKey, ROW } from './row.ts';
import type { Table } from './table.ts';

/** Last wills of connected clients, and of those that were connected when the process was killed. */
export class Wills {
  readonly #table: Table;
  readonly #clientIds = new Set<string>();

  constructor(table: Table) {
    this.#table = table;
    for (const { clientId } of this.list()) this.#clientIds.add(clientId!);
  }

  get count(): number {
    return this.#clientIds.size;
  }

  put(will: Message & { clientId: string; brokerId: string }): void {
    this.#clientIds.add(will.clientId);
    this.#table.put(namedKey(ROW.will, will.clientId), encodeMessage(will));
  }

  get(clientId: string): Message | undefined {
    if (!this.#clientIds.has(clientId)) return undefined;
    const bytes = this.#table.get(namedKey(ROW.will, clientId));
    return bytes && decodeMessage(bytes);
  }

  remove(clientId: string): void {
    this.#clientIds.delete(clientId);
    this.#table.remove(namedKey(ROW.will, clientId));
  }

  *list(): Generator<Message> {
    for (const [, bytes] of this.#table.all(ROW.will, `${ROW.will}\u00ff`)) yield decodeMessage(bytes);
  }
}

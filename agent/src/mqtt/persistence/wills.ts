import { decodeMessage, encodeMessage, type Message } from './message.ts';
import type { Owner } from './owner.ts';
import { namedKey, ROW } from './row.ts';
import type { Table } from './table.ts';

/** Last wills of connected clients, and of those that were connected when the process was killed. */
export class Wills {
  readonly #table: Table;
  /** By client id: whose it is, where anybody was asked. */
  readonly #owners = new Map<string, Owner | undefined>();

  constructor(table: Table) {
    this.#table = table;
    for (const { clientId, owner } of this.list()) this.#owners.set(clientId!, owner);
  }

  get count(): number {
    return this.#owners.size;
  }

  /** Whose will is kept under this client id. */
  ownerOf(clientId: string): Owner | undefined {
    return this.#owners.get(clientId);
  }

  put(will: Message & { clientId: string; brokerId: string }): void {
    this.#owners.set(will.clientId, will.owner);
    this.#table.put(namedKey(ROW.will, will.clientId), encodeMessage(will));
  }

  get(clientId: string): Message | undefined {
    if (!this.#owners.has(clientId)) return undefined;
    const bytes = this.#table.get(namedKey(ROW.will, clientId));
    return bytes && decodeMessage(bytes);
  }

  remove(clientId: string): void {
    this.#owners.delete(clientId);
    this.#table.remove(namedKey(ROW.will, clientId));
  }

  *list(): Generator<Message> {
    for (const [, bytes] of this.#table.all(ROW.will, `${ROW.will}\u00ff`)) yield decodeMessage(bytes);
  }
}

import type { Client } from 'aedes';

/** Topic filters of one client: they are in memory, and those of a persistent session in one row on disk. */
export const FILTERS_MAX = 5000;

/** Counts the filters of each client, so that no one of them takes all the memory, or the event loop's time. */
export class FilterLimit {
  readonly #max: number;
  readonly #counts = new WeakMap<Client, number>();

  constructor(max: number = FILTERS_MAX) {
    this.#max = max;
  }

  /** False where it has as many as it may. */
  admit(client: Client): boolean {
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(client, count + 1);
    return true;
  }

  /** A SUBSCRIBE is dealt with: what was asked for twice, or given up since, counts no more. */
  settled(client: Client): void {
    const { subscriptions } = client as unknown as { subscriptions: object };
    this.#counts.set(client, Object.keys(subscriptions).length);
  }
}

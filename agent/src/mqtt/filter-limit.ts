import type { Client } from 'aedes';

/** Topic filters of one client: they are in memory, and those of a persistent session in one row on disk. */
export const FILTERS_MAX = 5000;
/** All of one client's together: a single one may have 64 KiB. */
export const FILTER_BYTES_MAX = 256 * 1024;

interface Held {
  filters: number;
  bytes: number;
}

/** Counts the filters of each client, so that no one of them takes all the memory, or the event loop's time. */
export class FilterLimit {
  readonly #held = new WeakMap<Client, Held>();

  /** Why it may not have another one, or undefined. */
  refusal(client: Client, filter: string): string | undefined {
    const { filters, bytes } = this.#held.get(client) ?? { filters: 0, bytes: 0 };
    const held = { filters: filters + 1, bytes: bytes + Buffer.byteLength(filter) };
    if (held.filters > FILTERS_MAX) return `${FILTERS_MAX} filters, the limit`;
    if (held.bytes > FILTER_BYTES_MAX) return `${FILTER_BYTES_MAX} bytes of filters, the limit`;
    this.#held.set(client, held);
    return undefined;
  }

  /** A SUBSCRIBE is dealt with: what was asked for twice, or given up since, counts no more. */
  settled(client: Client): void {
    const { subscriptions } = client as unknown as { subscriptions: object };
    const filters = Object.keys(subscriptions);
    const bytes = filters.reduce((sum, filter) => sum + Buffer.byteLength(filter), 0);
    this.#held.set(client, { filters: filters.length, bytes });
  }
}

import { type Address, formatAddress, type Logger } from '@edgelog/runtime';
import type { ConnectionOptions } from '../connection.ts';
import { BrokerLink } from './broker-link.ts';
import { type ConnectPaces, pacesFor } from './pace.ts';

/** The connections of a client: one for each broker's address and purpose. */
export class Links {
  readonly #options: ConnectionOptions;
  readonly #log: Logger;
  readonly #links = new Map<string, BrokerLink>();
  readonly #paces: ConnectPaces;

  constructor(options: ConnectionOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#paces = pacesFor(options.security);
  }

  /**
   * Requests of one purpose share a connection: Kafka answers one at a time for each. `advertisedBy` is named where the address cannot be
   * reached: a wrong setting of what brokers advertise is met here.
   */
  to(address: Address, purpose: string, advertisedBy?: number): BrokerLink {
    const at = formatAddress(address);
    const key = `${at} ${purpose}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const origin =
        advertisedBy === undefined ? undefined : `${at} is what broker ${advertisedBy} advertises`;
      link = new BrokerLink(address, {
        ...this.#options,
        ...{ log: this.#log, pace: this.#paces.of(at), origin },
      });
      this.#links.set(key, link);
    }
    return link;
  }

  /** Closes connections that nobody has used for so long. */
  closeIdle(idleMs: number): void {
    for (const link of this.#links.values()) link.closeIdle(idleMs);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }
}

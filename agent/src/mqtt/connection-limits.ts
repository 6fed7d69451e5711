export interface ConnectionLimitsOptions {
  /** At once, of all clients. */
  total: number;
  perAddress: number;
}

/** Counts connections, so that neither one host nor all together use up the gateway's memory. */
export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /** Undefined if the connection is let in, and then counted until `release`; else why not. */
  admit(address: string): string | undefined {
    const { total, perAddress } = this.#options;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (this.#total >= total) return `${total} connections, the limit, are open (mqttMaxConnections)`;
    if (ofAddress >= perAddress) {
      return `${perAddress} connections, the limit, of ${address} are open (mqttMaxConnectionsPerAddress)`;
    }
    this.#total++;
    this.#perAddress.set(address, ofAddress + 1);
    return undefined;
  }

  release(address: string): void {
    const left = this.#perAddress.get(address)! - 1;
    this.#total--;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}

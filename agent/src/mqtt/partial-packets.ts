interface Holder {
  /** Of its host. */
  readonly address: string;
}

/** For packets of all connections that have not arrived wholly. */
export const PARTIAL_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bytes of packets that have not arrived wholly, of all connections. Where they take too much, the host that holds most of them is to
 * give up its largest: nobody's half-sent packets end another's connection.
 */
export class PartialPackets<T extends Holder> {
  readonly #maxBytes: number;
  readonly #held = new Map<T, number>();
  #bytes = 0;

  constructor(maxBytes: number = PARTIAL_BYTES_MAX) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What a connection holds from now on. Answers the one that is to be ended, if together they hold too much. */
  hold(holder: T, bytes: number): T | undefined {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    return this.#bytes > this.#maxBytes ? this.#largest() : undefined;
  }

  #largest(): T {
    const byAddress = new Map<string, { bytes: number; largest: T }>();
    for (const [holder, bytes] of this.#held) {
      const host = byAddress.get(holder.address);
      if (host === undefined) byAddress.set(holder.address, { bytes, largest: holder });
      else {
        host.bytes += bytes;
        if (bytes > this.#held.get(host.largest)!) host.largest = holder;
      }
    }
    return [...byAddress.values()].reduce((most, host) => (host.bytes > most.bytes ? host : most)).largest;
  }
}

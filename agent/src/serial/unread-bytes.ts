/** A reading of a few instruments takes longer, and noise on a line that is idle otherwise is less than this. */
const LEAST_MS = 60_000;
const LEAST_BYTES = 256;

/** Bytes since the last reading that they became: many, for long, are those of a wrong speed, framing or profile. */
export class UnreadBytes {
  #bytes = 0;
  #sinceMs = 0;

  came(bytes: number, nowMs: number): void {
    if (this.#bytes === 0) this.#sinceMs = nowMs;
    this.#bytes += bytes;
  }

  /** What came was a reading, or the line was closed. */
  reset(): void {
    this.#bytes = 0;
  }

  isTooMany(nowMs: number): boolean {
    return this.#bytes >= LEAST_BYTES && nowMs - this.#sinceMs >= LEAST_MS;
  }
}

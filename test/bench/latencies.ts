/** Collects times and answers their quantiles, all in milliseconds. */
export class Latencies {
  #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  /** Of what was added since the last time; zeros when that is nothing. */
  take(): { p50Ms: number; p99Ms: number; maxMs: number } {
    const sorted = Float64Array.from(this.#values).sort();
    this.#values = [];
    const quantile = (q: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
    return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: sorted.at(-1) ?? 0 };
  }
}

import type { Sample } from '@edgelog/runtime';

/** Holds each metric to a number of series, so that a scrape stays small whatever clients create. */
export class BoundedSeries {
  readonly #max: number;
  /** Series left out when a metric was last read. */
  readonly #omitted = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The first ones; the rest is counted. */
  *of(metric: string, samples: Iterable<Sample>): Generator<Sample> {
    let count = 0;
    for (const sample of samples) {
      count += 1;
      if (count <= this.#max) yield sample;
    }
    this.#omitted.set(metric, Math.max(0, count - this.#max));
  }

  /** By metric, where any were left out. */
  *omitted(): Generator<Sample> {
    for (const [metric, value] of this.#omitted) if (value > 0) yield { labels: { metric }, value };
  }
}

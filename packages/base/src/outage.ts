const KEPT_MAX = 16;

/**
 * Which reasons of one outage were told already. It may last for weeks, and where there are several addresses each in turn may be the one that
 * failed last: only a reason that was not heard before is news.
 */
export class OutageReasons {
  readonly #told = new Set<string>();

  /** Whether it was not asked with this reason since `over`. Reasons that never come twice are all news. */
  isNews(reason: string): boolean {
    if (this.#told.has(reason)) return false;
    if (this.#told.size === KEPT_MAX) this.#told.clear();
    this.#told.add(reason);
    return true;
  }

  /** What fails from now on is another outage. */
  over(): void {
    this.#told.clear();
  }
}

/** Events per second from a counter that is looked at now and then. */
export class Rate {
  #value: number | undefined;
  #atMs = 0;
  #perSecond: number | undefined;

  /** Undefined is a counter that cannot be read at present; one that fell has started anew. */
  update(value: number | undefined, nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    const isUsable =
      value !== undefined && this.#value !== undefined && value >= this.#value && elapsedMs > 0;
    this.#perSecond = isUsable ? ((value - this.#value!) * 1_000) / elapsedMs : undefined;
    this.#value = value;
    this.#atMs = nowMs;
  }

  get perSecond(): number | undefined {
    return this.#perSecond;
  }
}

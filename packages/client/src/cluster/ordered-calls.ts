/** Calls that are under way, by partition, and over which line they went. */
export class OrderedCalls {
  readonly #underWay = new Map<string, { line: object; count: number }>();

  /**
   * False when calls of this key are under way over another line: what is sent now could overtake them, or follow on something that never
   * arrived.
   */
  enter(key: string, line: object): boolean {
    const calls = this.#underWay.get(key);
    if (calls === undefined) this.#underWay.set(key, { line, count: 1 });
    else if (calls.line !== line) return false;
    else calls.count += 1;
    return true;
  }

  /** A call is settled. The failed ones count until all who wait for them know. */
  leave(key: string, hasFailed: boolean): void {
    if (hasFailed) return void setImmediate(() => this.leave(key, false));
    const calls = this.#underWay.get(key);
    if (calls === undefined) return;
    calls.count -= 1;
    if (calls.count === 0) this.#underWay.delete(key);
  }
}

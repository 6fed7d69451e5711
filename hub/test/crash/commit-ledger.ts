/** What the members of a group know of one partition's committed offset. They only ever commit forwards. */
export class CommitLedger {
  readonly name: string;
  /** −1 before the first. */
  acknowledged = -1;
  /** Commits without an answer. */
  #asked: number[] = [];

  constructor(group: string, topic: string, index: number) {
    this.name = `${group}, ${topic}-${index}`;
  }

  asked(offset: number): void {
    this.#asked.push(offset);
  }

  refused(offset: number): void {
    const at = this.#asked.indexOf(offset);
    if (at >= 0) this.#asked.splice(at, 1);
  }

  /** The commit was acknowledged, or found to be there. */
  settle(offset: number): void {
    this.acknowledged = Math.max(this.acknowledged, offset);
    this.#asked = this.#asked.filter((asked) => asked > this.acknowledged);
  }

  /** Why the group cannot be at `committed` (−1: nowhere), or undefined. */
  check(committed: number): string | undefined {
    if (committed === this.acknowledged || this.#asked.includes(committed)) return undefined;
    return `${this.name}: committed ${committed}, acknowledged was ${this.acknowledged}, asked for besides ${this.#asked.join(', ') || 'none'}`;
  }
}

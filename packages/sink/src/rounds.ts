/** Something that many ask for, done once at a time: who asks while it is being done is served by the next round. */
export class Rounds<T> {
  readonly #run: () => Promise<T>;
  #underWay: Promise<unknown> | undefined;
  #next: Promise<T> | undefined;

  constructor(run: () => Promise<T>) {
    this.#run = run;
  }

  /** What came of a round that began after this call. */
  next(): Promise<T> {
    this.#next ??= (this.#underWay ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      const round = this.#run();
      const over = () => {
        if (this.#underWay === settled) this.#underWay = undefined;
      };
      const settled: Promise<void> = round.then(over, over);
      this.#underWay = settled;
      return round;
    });
    return this.#next;
  }

  get isIdle(): boolean {
    return this.#underWay === undefined && this.#next === undefined;
  }
}

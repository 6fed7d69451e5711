/** A number for each of 0, 1, 2 …, most of them there: memory for millions. */
export class Column {
  #values = new Float64Array(1_024).fill(Number.NaN);
  /** One past the last that was set. */
  length = 0;

  get(index: number): number | undefined {
    const value = index < this.length ? this.#values[index]! : Number.NaN;
    return Number.isNaN(value) ? undefined : value;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const larger = new Float64Array(Math.max(index + 1, 2 * this.#values.length)).fill(Number.NaN);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[index] = value;
    this.length = Math.max(this.length, index + 1);
  }
}

/**
 * A value that only one client changes, as far as that client can know it: after a request without an answer it is either what it
 * was or what was asked for, until someone looks.
 */
export class Possible<T> {
  #values: T[];

  constructor(value: T) {
    this.#values = [value];
  }

  get values(): readonly T[] {
    return this.#values;
  }

  /** The one value, where there is but one. */
  get certain(): T | undefined {
    return this.#values.length === 1 ? this.#values[0] : undefined;
  }

  /** A request for `value` is on its way. */
  asked(value: T): void {
    this.#values.push(value);
  }

  /** The value is known: acknowledged, or seen. */
  settle(value: T): void {
    this.#values = [value];
  }
}

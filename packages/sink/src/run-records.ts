/** Something known of each run, by producer id: of the runs that are held for as long as they are, of the others of the newest few. */
export class RunRecords<R> {
  readonly #kept: number;
  readonly #held = new Map<number, R | undefined>();
  /** The one that was written last is the last. */
  readonly #others = new Map<number, R>();
  #hasDropped = false;

  constructor(kept: number) {
    this.#kept = kept;
  }

  /** What is not here may have been once. */
  get hasDropped(): boolean {
    return this.#hasDropped;
  }

  get size(): number {
    return this.#held.size + this.#others.size;
  }

  get(producerId: number): R | undefined {
    return this.#held.get(producerId) ?? this.#others.get(producerId);
  }

  set(producerId: number, record: R): void {
    if (this.#held.has(producerId)) this.#held.set(producerId, record);
    else this.#keep(producerId, record);
  }

  delete(producerId: number): void {
    this.#others.delete(producerId);
    if (this.#held.has(producerId)) this.#held.set(producerId, undefined);
  }

  hold(producerId: number): void {
    this.#held.set(producerId, this.get(producerId));
    this.#others.delete(producerId);
  }

  release(producerId: number): void {
    const record = this.#held.get(producerId);
    this.#held.delete(producerId);
    if (record !== undefined) this.#keep(producerId, record);
  }

  #keep(producerId: number, record: R): void {
    this.#others.delete(producerId);
    this.#others.set(producerId, record);
    if (this.#others.size <= this.#kept) return;
    const [oldest] = this.#others.keys();
    this.#others.delete(oldest!);
    this.#hasDropped = true;
  }
}

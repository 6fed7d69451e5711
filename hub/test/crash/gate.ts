/** Lets clients in to the hub, and keeps them out while it is looked at. */
export class Gate {
  #isOpen = false;
  #isStopped = false;
  #inside = 0;
  #changed: () => void = () => {};
  #change = this.#nextChange();

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the gate is open; with false when it never will be again. */
  async enter(): Promise<boolean> {
    while (!this.#isOpen && !this.#isStopped) await this.#change;
    if (this.#isStopped) return false;
    this.#inside += 1;
    return true;
  }

  leave(): void {
    this.#inside -= 1;
    this.#announce();
  }

  open(): void {
    this.#isOpen = true;
    this.#announce();
  }

  /** Closed at once; resolves when the last one has left. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#inside > 0) await this.#change;
  }

  /** Closed for ever. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.#announce();
    return this.close();
  }

  #announce(): void {
    const announce = this.#changed;
    this.#change = this.#nextChange();
    announce();
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

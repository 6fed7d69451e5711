/** A response on its way: `undefined` for a request that gets none (Produce with acks 0). */
export type ResponseBytes = readonly Buffer[] | undefined;

interface Slot {
  done: boolean;
  bytes: ResponseBytes;
}

/** Lets responses out in the order their requests came in, whatever the order they are ready in. */
export class ResponseQueue {
  readonly #slots: Slot[] = [];
  readonly #send: (bytes: ResponseBytes) => void;

  /** `send` is called once per request, in order. */
  constructor(send: (bytes: ResponseBytes) => void) {
    this.#send = send;
  }

  /** Requests that wait for their response, or for that of one before them. */
  get inFlight(): number {
    return this.#slots.length;
  }

  /** Takes the next place; call the function it returns once, when the response is there. */
  reserve(): (bytes: ResponseBytes) => void {
    const slot: Slot = { done: false, bytes: undefined };
    this.#slots.push(slot);
    return (bytes) => {
      slot.done = true;
      slot.bytes = bytes;
      this.#release();
    };
  }

  #release(): void {
    while (this.#slots[0]?.done) this.#send(this.#slots.shift()!.bytes);
  }
}

import type { FramerEvents } from './framer.ts';

/** So that an endless run is told of, too. */
const RUN_BYTES_MAX = 1024;

/** Bytes that are dropped one after the other are told of as one run: when a frame follows, or when the run is long. */
export class NoiseRun {
  readonly #events: FramerEvents;
  #parts: Buffer[] = [];
  #bytes = 0;
  #reason: 'checksum' | 'framing' = 'framing';

  constructor(events: FramerEvents) {
    this.#events = events;
  }

  /** The buffer is kept. */
  add(bytes: Buffer, reason: 'checksum' | 'framing'): void {
    if (bytes.length === 0) return;
    if (reason === 'checksum') this.#reason = reason;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= RUN_BYTES_MAX) this.end();
  }

  end(): void {
    if (this.#bytes === 0) return;
    const [run, reason] = [Buffer.concat(this.#parts), this.#reason];
    this.reset();
    this.#events.bad(reason, run);
  }

  reset(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#reason = 'framing';
  }
}

import { closeSync, constants, openSync, writeSync } from 'node:fs';

const EVERY_MS = 100;

/** Writes numbered lines `serial:N` into a pseudo-terminal, whatever becomes of it; nobody tells an instrument what arrived. */
export class Instrument {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #written = 0;

  constructor(path: string) {
    this.#path = path;
    this.#timer = setInterval(() => this.#write(), EVERY_MS);
  }

  get lines(): number {
    return this.#written;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #write(): void {
    const line = `serial:${this.#written++}\n`;
    let fd: number | undefined;
    try {
      fd = openSync(this.#path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
      writeSync(fd, line);
    } catch {
      // Unplugged, or nobody reads: what is lost is lost.
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

import { readSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { LineSettings } from '@edgelog/devices/profiles/decoder.ts';
import { openErrorText } from './open-error.ts';

export type FlowControl = 'none' | 'rtscts' | 'xonxoff';

export interface TtySettings extends LineSettings {
  flow: FlowControl;
}

export interface TtyEvents {
  data(chunk: Buffer): void;
  /** Once, unless `close` was called: the terminal is of no use any more. */
  lost(reason: string): void;
}

/** The part of serialport's binding that is used. */
interface Binding {
  readonly fd: number | null;
  readonly poller: { once(event: 'readable', callback: (error: Error | null) => void): unknown };
  close(): Promise<void>;
  write(bytes: Buffer): Promise<void>;
  update(options: { baudRate: number }): Promise<void>;
  drain(): Promise<void>;
}

const READ_BYTES = 16_384;
/** Start bit, eight bits, parity, stop bit. */
const BITS_PER_BYTE = 11;
/** What adapters need beyond the bits. */
const LEAVE_MS = 20;

/**
 * An open serial port. serialport opens it, sets it and polls it; the reading is done here, since its stream repeats a
 * read of 0 bytes for ever: that is what a port gives that hung up between two reads (an adapter pulled out), and the
 * stream then takes a whole processor and never closes.
 */
export class Tty {
  readonly #events: TtyEvents;
  readonly #path: string;
  #settings: TtySettings;
  #binding: Binding | undefined;
  #isPaused = false;
  /** Whose next event is waited for. */
  #polled: Binding | undefined;
  #isGone = false;
  /** When what was written has left, by its bits: many USB adapters say so as soon as they have the bytes. */
  #leftAtMs = 0;
  #work: Promise<void> = Promise.resolve();
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);

  private constructor(path: string, settings: TtySettings, events: TtyEvents, binding: Binding) {
    this.#path = path;
    this.#settings = settings;
    this.#events = events;
    this.#binding = binding;
    this.#poll();
  }

  /** Rejects with what is to be mended where the path is missing, no terminal, not allowed, or held by another process. */
  static async open(path: string, settings: TtySettings, events: TtyEvents): Promise<Tty> {
    return new Tty(path, settings, events, await openBinding(path, settings));
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Bytes leave in the order of the calls. */
  write(bytes: Buffer): void {
    void this.#then(async (binding) => {
      await binding.write(bytes);
      const bitsMs = (bytes.length * BITS_PER_BYTE * 1000) / this.#settings.baudRate;
      this.#leftAtMs = Math.max(this.#leftAtMs, performance.now()) + bitsMs;
    });
  }

  /** After what was written has left, sets the port anew; resolves then, or when the port is lost. */
  setLine(settings: LineSettings): Promise<void> {
    return this.#then(async (binding) => {
      await binding.drain();
      // Setting a port drops what it has not sent.
      await setTimeout(Math.max(0, this.#leftAtMs - performance.now()) + LEAVE_MS);
      if (this.#isGone) return;
      const next = { ...this.#settings, ...settings };
      const { baudRate } = next;
      const isSpeedOnly = isDeepStrictEqual({ ...this.#settings, baudRate }, next);
      this.#settings = next;
      if (isSpeedOnly) return binding.update({ baudRate });
      this.#binding = undefined;
      await binding.close();
      const reopened = await openBinding(this.#path, next);
      if (this.#isGone) return reopened.close();
      this.#binding = reopened;
      this.#poll();
    });
  }

  /** Reads no more until `resume`: the kernel keeps about 4 KiB, then flow control or loss. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#poll();
  }

  /** Reads what the kernel holds, so that a silence that is about to be acted on is one of the line and not of this process. */
  readWaiting(): void {
    const binding = this.#binding;
    if (binding === undefined || this.#isPaused) return;
    for (;;) {
      const { fd } = binding;
      if (fd === null || this.#isPaused || this.#isGone) return;
      let bytes: number;
      try {
        bytes = readSync(fd, this.#buffer, 0, READ_BYTES, null);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR') return;
        this.#lose(message);
        return;
      }
      if (bytes === 0) {
        this.#lose('hung up');
        return;
      }
      this.#events.data(Buffer.from(this.#buffer.subarray(0, bytes)));
    }
  }

  async close(): Promise<void> {
    this.#isGone = true;
    const binding = this.#binding;
    this.#binding = undefined;
    await binding?.close().catch(() => {});
  }

  #poll(): void {
    const binding = this.#binding;
    if (binding === undefined || this.#polled === binding || this.#isPaused) return;
    this.#polled = binding;
    binding.poller.once('readable', (error) => {
      // The native poller calls from outside of Node's callback scopes: nothing queued here would run.
      setImmediate(() => {
        if (binding !== this.#binding) return;
        this.#polled = undefined;
        if (error) return this.#lose(`hung up (${error.message})`);
        this.readWaiting();
        this.#poll();
      });
    });
  }

  #then(step: (binding: Binding) => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#isGone || this.#binding === undefined) return;
      try {
        await step(this.#binding);
      } catch (error) {
        this.#lose((error as Error).message);
      }
    });
    return this.#work;
  }

  #lose(reason: string): void {
    if (this.#isGone) return;
    void this.close();
    this.#events.lost(reason);
  }
}

async function openBinding(path: string, { flow, ...line }: TtySettings): Promise<Binding> {
  const hasXon = flow === 'xonxoff';
  // A gateway without serial lines need not load it.
  const { SerialPort } = await import('serialport');
  const asked = { path, ...line, rtscts: flow === 'rtscts', xon: hasXon, xoff: hasXon };
  const port: object = await SerialPort.binding.open(asked).catch(({ message }: Error) => {
    // Its stack is that of the addon, and its message is in this one.
    throw new Error(openErrorText(path, message));
  });
  if (!isPollable(port)) throw new Error('serial lines need Linux or macOS');
  return port;
}

function isPollable(port: object): port is Binding {
  return 'fd' in port && 'poller' in port;
}

/** Tells one plugging of a device from the next, as far as the file system can; undefined while it is missing. */
export function deviceIdentity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}:${stat.rdev}`;
}

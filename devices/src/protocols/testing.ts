import type { DeviceReading, FaultKind, LineIo, LineProtocol, LineSettings } from '../profiles/decoder.ts';
import { VirtualTimers } from '../profiles/virtual-timers.ts';

export const LINE_9600: LineSettings = { baudRate: 9_600, dataBits: 8, parity: 'none', stopBits: 1 };

/** For tests: a line in virtual time whose other end is a function; what it returns arrives at once, undefined is silence. */
export class TestLine {
  readonly timers = new VirtualTimers();
  readonly readings: DeviceReading[] = [];
  readonly faults: FaultKind[] = [];
  readonly details: string[] = [];
  readonly written: Buffer[] = [];
  leftOut = 0;
  readonly #protocol: LineProtocol;

  constructor(protocol: LineProtocol, instrument: (request: Buffer) => Buffer | undefined = () => undefined) {
    this.#protocol = protocol;
    const io: LineIo = {
      write: (bytes) => {
        this.written.push(Buffer.from(bytes));
        const answer = instrument(bytes);
        if (answer !== undefined) this.after(1, answer);
      },
      emit: (reading) => this.readings.push(reading),
      leftOut: () => {
        this.leftOut++;
      },
      fault: (kind, detail) => {
        this.faults.push(kind);
        this.details.push(detail);
      },
      setLine: () => {},
      timers: this.timers,
    };
    protocol.start(io);
  }

  /** Bytes arrive so many ms from now. */
  after(ms: number, bytes: Buffer): void {
    this.timers.after(ms, () => this.#protocol.bytes(bytes, this.timers.now()));
  }

  run(ms: number): this {
    this.timers.advanceTo(this.timers.now() + ms);
    return this;
  }

  get values(): unknown[] {
    return this.readings.map(({ value }) => JSON.parse(value.toString()) as unknown);
  }
}

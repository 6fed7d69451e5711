/** How a serial port is set for an instrument. */
export interface LineSettings {
  /** Bits per second. */
  baudRate: number;
  dataBits: 7 | 8;
  parity: 'none' | 'even' | 'odd';
  stopBits: 1 | 2;
}

/** One reading of an instrument, ready for the log. */
export interface DeviceReading {
  /** Which instrument of the line, as the configuration names it; empty on a line with one. The record's name is `PORT` or `PORT/DEVICE`. */
  device: string;
  /** JSON object of named values; numbers are the exact decimals the instrument sent. */
  value: Buffer;
  /** Record headers: `edgelog.profile`, and `edgelog.units` with JSON of the units by name where the profile knows them. */
  headers: readonly (readonly [key: string, value: Buffer])[];
}

/**
 * What went wrong on a line; every kind is a counter.
 * - `checksum`: a frame whose CRC, BCC or sum is wrong; dropped
 * - `framing`: bytes that are no frame: noise, a frame cut short or too long; dropped
 * - `content`: an intact frame that does not hold what its profile says
 * - `timeout`: an instrument did not answer, after all retries
 * - `refused`: an instrument answered that it will not (Modbus exception)
 */
export const FAULT_KINDS = ['checksum', 'framing', 'content', 'timeout', 'refused'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** What a protocol may do. Nothing here throws: a reading that the log refuses is counted by the port. */
export interface LineIo {
  /** Sends bytes to the instrument. A protocol that only listens never calls it. */
  write(bytes: Buffer): void;
  emit(reading: DeviceReading): void;
  /** What came was understood, and is no reading: the profile leaves it out, or it holds no value. */
  leftOut(): void;
  /** `detail` is one line for people, with the device it is about. */
  fault(kind: FaultKind, detail: string): void;
  /** Sets the port anew, once what was written has left (IEC 62056-21 changes speed after sign-on). */
  setLine(settings: LineSettings): void;
  readonly timers: LineTimers;
}

export interface LineTimers {
  /** Milliseconds of a clock that never runs backwards. */
  now(): number;
  /** Calls `run` once, `ms` from now; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/**
 * The conversation with the instruments of one serial line: bytes and time in, readings and requests out. Pure: it has no
 * other way to the world than `io`, so that tests and the simulator drive it.
 *
 * The port calls `start` when it is open, `bytes` for whatever arrives, however it is cut, and `stop` when it is closed or
 * lost; it may `start` it again later, which begins anew. No call throws, whatever the bytes.
 */
export interface LineProtocol {
  /** What the port is opened with. */
  readonly line: LineSettings;
  start(io: LineIo): void;
  bytes(chunk: Buffer, nowMs: number): void;
  stop(): void;
}

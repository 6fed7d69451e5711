import type { LineTimers } from '../profiles/decoder.ts';

export interface InstrumentIo {
  write(bytes: Buffer): void;
  readonly timers: LineTimers;
}

/** A simulated instrument: the other end of a `LineProtocol`, and as pure. */
export interface Instrument {
  start(io: InstrumentIo): void;
  /** What the reader of the line sent. */
  bytes(chunk: Buffer): void;
  stop(): void;
}

/** Told of every reading that went out, as the JSON a gateway should make of it (a part of it may do). */
export type OnSent = (values: Readonly<Record<string, number | string>>) => void;

/** An instrument that speaks by itself, at an even rhythm. */
export function talker(everyMs: number, speak: () => Buffer): Instrument {
  let cancel = () => {};
  return {
    start({ write, timers }) {
      const next = () => {
        write(speak());
        cancel = timers.after(everyMs, next);
      };
      cancel = timers.after(0, next);
    },
    bytes() {},
    stop: () => cancel(),
  };
}

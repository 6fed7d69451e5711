import type { Random } from '../random.ts';
import type { Instrument, InstrumentIo } from './instrument.ts';

/** How bad a line is; each a probability from 0 to 1. */
export interface NoiseOptions {
  /** Of a bit of a message being flipped (one bit). */
  flip: number;
  /** Of bytes being lost out of the middle of a message. */
  lose: number;
  /** Of stray bytes in front of a message. */
  stray: number;
  /** Of a message being cut into pieces that come apart. */
  split: number;
  /** Of a message not being sent at all. */
  silent: number;
}

export const QUIET_LINE: NoiseOptions = { flip: 0, lose: 0, stray: 0, split: 0, silent: 0 };

/** Every kind of trouble, as often as `level` says; what is cut in pieces is not wrong, and so may be more frequent. */
export function noiseOf(level: number): NoiseOptions {
  return { flip: level, lose: level, stray: level, split: Math.min(1, 4 * level), silent: level / 2 };
}

export interface NoiseCounts {
  messages: number;
  /** Messages that cannot be read as they were sent. */
  spoilt: number;
}

/** Puts a bad line between an instrument and its reader. The same seed spoils the same messages. */
export function noisy(
  instrument: Instrument,
  options: NoiseOptions,
  random: Random,
  counts: NoiseCounts,
): Instrument {
  return {
    start(io) {
      instrument.start({ timers: io.timers, write: (bytes) => send(bytes, io) });
    },
    bytes: (chunk) => instrument.bytes(chunk),
    stop: () => instrument.stop(),
  };

  function send(message: Buffer, { write, timers }: InstrumentIo): void {
    const happens = (chance: number) => random.uniform() < chance;
    const place = () => Math.floor(random.uniform() * message.length);
    const [flip, lose, stray, split, silent] = [
      options.flip,
      options.lose,
      options.stray,
      options.split,
      options.silent,
    ].map(happens);
    counts.messages += 1;
    if (flip || lose || silent) counts.spoilt += 1;
    if (silent) return;
    let bytes = Buffer.from(message);
    if (flip) bytes[place()]! ^= 1 << Math.floor(random.uniform() * 8);
    if (lose) {
      const from = place();
      bytes = Buffer.concat([
        bytes.subarray(0, from),
        bytes.subarray(from + 1 + Math.floor(random.uniform() * 4)),
      ]);
    }
    if (stray) {
      const noise = Array.from(
        { length: 1 + Math.floor(random.uniform() * 3) },
        () => random.uniform() * 256,
      );
      bytes = Buffer.concat([Buffer.from(noise), bytes]);
    }
    if (!split) {
      write(bytes);
      return;
    }
    const at = Math.floor(random.uniform() * bytes.length);
    write(bytes.subarray(0, at));
    timers.after(5 + Math.floor(random.uniform() * 20), () => write(bytes.subarray(at)));
  }
}

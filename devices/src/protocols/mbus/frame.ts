import { checksumOf } from '../../framing/checksums.ts';

/** Frames of the wired M-Bus [EN 13757-2, section 5; IEC 60870-5-2, format class FT 1.2]. */
const ACK = 0xe5;
const SHORT = 0x10;
const LONG = 0x68;
const STOP = 0x16;

/** Function fields of the master [EN 13757-2, 5.6.3]. */
export const SND_NKE = 0x40;
const SND_UD = 0x53;
export const REQ_UD2 = 0x5b;
/** Toggles from one request to the next, so that a repetition can be told from a new one. */
export const FRAME_COUNT_BIT = 0x20;
/** Address under which the meter answers that was selected by its secondary address. */
export const SELECTED = 0xfd;

export function shortFrame(control: number, address: number): Buffer {
  return Buffer.of(SHORT, control, address, (control + address) & 0xff, STOP);
}

/** `body`: control, address, control information and data. */
export function longFrame(body: Buffer): Buffer {
  const start = Buffer.of(LONG, body.length, body.length, LONG);
  return Buffer.concat([start, body, Buffer.of(checksumOf('sum8', body), STOP)]);
}

/** Selects the meter with this identification number of eight digits, whatever its maker, version and medium [EN 13757-3, 11.3]. */
export function selection(identification: string): Buffer {
  const digits = Buffer.from(identification, 'hex').reverse();
  const anyOther = Buffer.of(0xff, 0xff, 0xff, 0xff);
  return longFrame(Buffer.concat([Buffer.of(SND_UD, SELECTED, 0x52), digits, anyOther]));
}

export type FoundFrame =
  | { kind: 'ack' }
  /** Control, address, control information and data of a long frame. */
  | { kind: 'long'; body: Buffer; skipped: number }
  | { kind: 'damaged' }
  | { kind: 'incomplete' };

/** Looks for what is awaited, with noise in front of it or not. */
export function findFrame(received: Buffer, awaited: 'ack' | 'long'): FoundFrame {
  // A single character has no check: it counts only if it is all that came.
  if (awaited === 'ack') return { kind: received.length === 1 && received[0] === ACK ? 'ack' : 'incomplete' };
  let isDamaged = false;
  for (let at = received.indexOf(LONG); at >= 0; at = received.indexOf(LONG, at + 1)) {
    const length = received[at + 1] ?? 0;
    if (received[at + 2] !== length || received[at + 3] !== LONG || length < 3) continue;
    const end = at + 4 + length;
    if (end + 1 >= received.length) continue;
    const body = received.subarray(at + 4, end);
    if (received[end] === checksumOf('sum8', body) && received[end + 1] === STOP)
      return { kind: 'long', body, skipped: at };
    isDamaged = true;
  }
  return { kind: isDamaged ? 'damaged' : 'incomplete' };
}

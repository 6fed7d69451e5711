import type { LineSettings } from '@edgelog/devices/profiles/decoder.ts';
import { type CheckedFrames, mbusFrames, modbusFrames, nmeaFrames, p1Frames } from './checked-frames.ts';
import { bytesOf, type Sample } from './sample.ts';
import { lookOfText } from './text-lines.ts';

/** What a sample seems to be. */
export interface Guess {
  line: LineSettings;
  /** 0 to 1; from `CERTAIN` on there is no need to listen further. */
  score: number;
  /** For people: `NMEA 0183`, `lines of text`. */
  what: string;
  /** Why, for people. */
  because: string;
  /** Keys of the `serial` entry beside port and line settings. */
  setting: Readonly<Record<string, unknown>>;
  /** The first lines or frames. */
  examples: string[];
  bytes: number;
}

export const CERTAIN = 0.9;
/** Below it a guess is not worth a configuration. */
export const LIKELY = 0.5;

const PROTOCOLS: readonly {
  what: string;
  find(bytes: Buffer): CheckedFrames;
  /** One short binary frame may be chance; text with a checksum is not. */
  isText: boolean;
  setting: Readonly<Record<string, unknown>>;
}[] = [
  {
    what: 'DSMR P1 telegrams of a smart meter',
    find: p1Frames,
    isText: true,
    setting: { profile: 'dsmr-p1' },
  },
  { what: 'NMEA 0183 sentences', find: nmeaFrames, isText: true, setting: { profile: 'nmea-gps' } },
  {
    what: 'M-Bus frames, asked by another master',
    find: mbusFrames,
    isText: false,
    setting: { framing: { type: 'gap', gapMs: 50 } },
  },
  {
    what: 'Modbus RTU frames, asked by another master',
    find: modbusFrames,
    isText: false,
    setting: { framing: { type: 'gap', gapMs: 20 } },
  },
];

/** Judges one sample: checksums prove a protocol; printable, repeated lines make text likely; the rest is bytes. */
export function judge(sample: Sample): Guess {
  const raw = bytesOf(sample);
  const { bytes, line } = withoutParity(raw, sample.line);
  const none = { line, bytes: raw.length, examples: [], setting: {} };
  if (bytes.length === 0) return { ...none, score: 0, what: 'silence', because: 'no byte came' };
  for (const { what, find, isText, setting } of PROTOCOLS) {
    const { frames, bytes: covered, examples } = find(bytes);
    const share = covered / bytes.length;
    if (frames === 0 || (!isText && frames < 2 && share < 0.5)) continue;
    const score = 0.9 + 0.1 * share;
    const because = `${frames} with a right checksum, ${percent(share)} of the bytes`;
    return { ...none, score, what, because, setting, examples };
  }
  const telegrams = meterTelegrams(bytes);
  if (telegrams.length > 0) {
    const because = `${telegrams.length} from identification to !, without CRC`;
    const what = 'telegrams of a meter, DSMR 2 or 3';
    const setting = { profile: 'dsmr-p1-v2' };
    return { ...none, score: 0.9, what, because, setting, examples: telegrams.slice(0, 3) };
  }
  const text = lookOfText(bytes);
  const printable = `${percent(text.printable)} of the bytes are printable`;
  if (text.score >= 0.3) {
    const end = text.terminator;
    const setting = end === '\r' ? { framing: { type: 'delimiter', delimiter: '\r' } } : {};
    const because = end === undefined ? `${printable}, but no line ended` : printable;
    const what = end === undefined ? 'text' : `lines of text that end with ${JSON.stringify(end)}`;
    return { ...none, score: text.score, what, because, setting, examples: text.lines.slice(0, 3) };
  }
  return {
    ...none,
    score: 0.3 * text.score,
    what: 'bytes of no protocol that is known here',
    because: printable,
    setting: { framing: { type: 'gap', gapMs: 50 } },
    examples: [bytes.subarray(0, 16).toString('hex')],
  };
}

/** Identifications of whole telegrams that have no checksum, but the form of one to the last byte. */
function meterTelegrams(bytes: Buffer): string[] {
  const telegram =
    /(\/[A-Za-z]{3}[0-9][\x20-\x7e]{0,36})\r\n\r\n(?:(?:\d-\d:\d+\.\d+\.\d+)?(?:\([^()\r\n]*\))+\r\n)+!\r\n/g;
  return [...bytes.toString('latin1').matchAll(telegram)].map(([, identification]) => identification!);
}

/**
 * Seven bits with parity, read as eight without: the highest bit is the parity of the others in every byte. Then the
 * parity is the line's, and the bytes are those without it.
 */
function withoutParity(bytes: Buffer, line: LineSettings): { bytes: Buffer; line: LineSettings } {
  const isPlain = line.dataBits === 8 && line.parity === 'none';
  if (!isPlain || bytes.length < 16 || bytes.every((byte) => byte < 0x80)) return { bytes, line };
  const odd = bytes.reduce((count, byte) => count + (onesOf(byte) % 2), 0);
  // A few bytes may have been hit.
  const parity = odd <= bytes.length * 0.02 ? 'even' : odd >= bytes.length * 0.98 ? 'odd' : undefined;
  if (parity === undefined) return { bytes, line };
  return { bytes: bytes.map((byte) => byte & 0x7f) as Buffer, line: { ...line, dataBits: 7, parity } };
}

function onesOf(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest > 0; rest >>= 1) ones += rest & 1;
  return ones;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

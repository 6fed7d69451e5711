import { checksumOf } from '../../framing/checksums.ts';

const SLASH = 0x2f;
const BANG = Buffer.from('\n!');
/** `!`, four digits, CR LF. */
const END_BYTES = 7;
/** DSMR 5 telegrams with four sub-meters and a message of 1,024 characters stay below 4 KiB. */
const TELEGRAM_BYTES_MAX = 8_192;

export interface TelegramEvents {
  /** Identification and data lines of a telegram whose CRC is right (or which has none, where none is asked for). */
  telegram(lines: readonly string[]): void;
  bad(kind: 'checksum' | 'framing', detail: string): void;
}

/**
 * Cuts P1 telegrams out of a stream: from `/` to `!` and the CRC16 of all up to there [DSMR P1 companion standard 5.0.2, 5.2; without
 * CRC before version 4]. A telegram that is cut short by the next one costs only itself.
 */
export class TelegramFramer {
  readonly #hasCrc: boolean;
  readonly #events: TelegramEvents;
  #bytes: Buffer = Buffer.alloc(0);
  #isFirst = true;

  constructor(hasCrc: boolean, events: TelegramEvents) {
    this.#hasCrc = hasCrc;
    this.#events = events;
  }

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#takeOne());
    if (this.#bytes.length <= TELEGRAM_BYTES_MAX) return;
    this.#events.bad('framing', `${this.#bytes.length} bytes without the end of a telegram`);
    const slash = this.#bytes.lastIndexOf(SLASH);
    const keep = slash > this.#bytes.length - TELEGRAM_BYTES_MAX / 2 ? slash : this.#bytes.length;
    this.#bytes = Buffer.from(this.#bytes.subarray(keep));
  }

  /** Looks for the end of a telegram; false if more bytes are needed. */
  #takeOne(): boolean {
    const bang = this.#bytes.indexOf(BANG);
    if (bang < 0) return false;
    const end = bang + 1;
    const lineEnd = this.#bytes.indexOf(0x0a, end);
    if (lineEnd < 0 && this.#bytes.length < end + END_BYTES) return false;
    const tail = this.#bytes.toString('latin1', end + 1, lineEnd < 0 ? end + END_BYTES : lineEnd).trim();
    const body = this.#bytes.subarray(0, end + 1);
    this.#bytes = Buffer.from(this.#bytes.subarray(lineEnd < 0 ? end + 1 : lineEnd + 1));
    this.#check(body, tail);
    this.#isFirst = false;
    return true;
  }

  #check(body: Buffer, tail: string): void {
    const starts = startsOf(body);
    if (starts.length === 0) {
      // The port was opened in the middle of this one.
      if (!this.#isFirst) this.#events.bad('framing', `${body.length} bytes before a telegram`);
      return;
    }
    const start = this.#hasCrc ? starts.find((at) => hasCrc(body.subarray(at), tail)) : starts.at(-1);
    if (start === undefined) {
      const detail = `a telegram of ${body.length - starts[0]!} bytes with CRC ${JSON.stringify(tail.slice(0, 8))}`;
      this.#events.bad('checksum', detail);
      return;
    }
    if (!this.#hasCrc && tail !== '') {
      this.#events.bad('framing', 'a telegram with more behind its end: does it have a CRC?');
      return;
    }
    if (start > 0 && !this.#isFirst) this.#events.bad('framing', `${start} bytes before a telegram`);
    const lines = body.toString('latin1', start, body.length - 1).split('\r\n');
    this.#events.telegram(lines.filter((line) => line !== ''));
  }
}

/** Where a telegram may begin; one that was cut short stands in front of a whole one. */
function startsOf(body: Buffer): number[] {
  const starts: number[] = [];
  for (let at = body.indexOf(SLASH); at >= 0 && starts.length < 16; at = body.indexOf(SLASH, at + 1))
    starts.push(at);
  return starts;
}

function hasCrc(bytes: Buffer, tail: string): boolean {
  // Some meters leave leading zeros out, though the standard has four digits.
  return /^[0-9A-Fa-f]{1,4}$/.test(tail) && checksumOf('crc16-arc', bytes) === Number.parseInt(tail, 16);
}

/** Messages of the read-out [IEC 62056-21, 6.3]. */

const STX = 0x02;
const ETX = 0x03;
const ACK = 0x06;
const CRLF = '\r\n';

/** What a meter said of itself, and how it goes on. */
export interface Speed {
  mode: 'A' | 'B' | 'C';
  /** Of the data block. */
  baudRate: number;
  /** The character that stands for it in the acknowledgement of mode C. */
  character: string;
  /** Maker's code and model, e.g. `LGZ4ZMD3104`, without the character of the speed. */
  identification: string;
}

const BAUD_C: readonly number[] = [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200];
const BAUD_B: readonly number[] = [600, 1_200, 2_400, 4_800, 9_600, 19_200];

/** `/?!`, with the address of a meter between; an empty one means whichever is there. */
export function request(address: string): Buffer {
  return Buffer.from(`/?${address}!${CRLF}`, 'latin1');
}

/** ACK, normal protocol, speed, data read-out. */
export function acknowledgement({ character }: Speed): Buffer {
  return Buffer.concat([Buffer.of(ACK), Buffer.from(`0${character}0${CRLF}`, 'latin1')]);
}

/**
 * `/XXXZident`: three letters of the maker, the speed, the model. An echo of the request, as optical heads give, is passed
 * over. Undefined as long as there is none.
 */
export function findIdentification(received: Buffer, echo: Buffer, maxBaud: number): Speed | undefined {
  const echoed = received.indexOf(echo);
  const text = received.toString('latin1', echoed < 0 ? 0 : echoed + echo.length);
  const match = /\/([A-Za-z]{3})(.)([\x20\x22-\x2e\x30-\x7e]{0,32})\r\n/.exec(text);
  if (match === null) return undefined;
  const [, maker = '', character = '', model = ''] = match;
  const digit = '0123456'.indexOf(character);
  if (digit >= 0) {
    const offered = BAUD_C[digit]!;
    const chosen = BAUD_C.findLastIndex((baud) => baud <= Math.min(offered, Math.max(300, maxBaud)));
    return { mode: 'C', baudRate: BAUD_C[chosen]!, character: String(chosen), identification: maker + model };
  }
  const letter = 'ABCDEF'.indexOf(character);
  if (letter >= 0) return { mode: 'B', baudRate: BAUD_B[letter]!, character, identification: maker + model };
  return { mode: 'A', baudRate: BAUD_C[0]!, character, identification: maker + character + model };
}

export type FoundBlock =
  | { kind: 'incomplete' }
  | { kind: 'bad' }
  | { kind: 'block'; lines: readonly string[] };

/** STX, data lines, `!`, ETX and the XOR of all behind STX up to ETX [ISO 1155]. */
export function findBlock(received: Buffer): FoundBlock {
  const stx = received.indexOf(STX);
  const etx = stx < 0 ? -1 : received.indexOf(ETX, stx);
  if (etx < 0 || etx + 1 >= received.length) return { kind: 'incomplete' };
  let sum = 0;
  for (const byte of received.subarray(stx + 1, etx + 1)) sum ^= byte;
  if (sum !== received[etx + 1]) return { kind: 'bad' };
  const text = received.toString('latin1', stx + 1, etx);
  const bang = text.lastIndexOf('!');
  if (bang < 0) return { kind: 'bad' };
  return {
    kind: 'block',
    lines: text
      .slice(0, bang)
      .split(CRLF)
      .filter((line) => line !== ''),
  };
}

/** How much a sample looks like lines of text. */
export interface TextLook {
  /** 0 to 1; 0.9 and more is text without doubt. */
  score: number;
  terminator: '\r\n' | '\n' | '\r' | undefined;
  /** Whole lines, without their ends. */
  lines: string[];
  /** Share of bytes that are printable ASCII or line ends. */
  printable: number;
}

const TERMINATORS = ['\r\n', '\n', '\r'] as const;
/** Fewer bytes say little, whatever they are. */
const BYTES_FEW = 12;

/** Judges bytes as 7 bit text; what is cut at either end of the sample counts for nothing. */
export function lookOfText(bytes: Buffer): TextLook {
  const text = bytes.toString('latin1');
  const printable = text.length === 0 ? 0 : text.replace(/[^\x20-\x7e\r\n\t]/g, '').length / text.length;
  const terminator = TERMINATORS.find((one) => text.includes(one));
  const lines = terminator === undefined ? [] : text.split(terminator).slice(1, -1);
  const shapes = new Map<string, number>();
  for (const line of lines) shapes.set(shapeOf(line), (shapes.get(shapeOf(line)) ?? 0) + 1);
  const repeated = [...shapes.values()].filter((count) => count > 1).reduce((sum, count) => sum + count, 0);
  const repetition = lines.length === 0 ? 0 : repeated / lines.length;
  const wordy = text.length === 0 ? 0 : text.replace(/[^0-9A-Za-z .,;:=+\-\r\n\t]/g, '').length / text.length;
  const enough = Math.min(1, bytes.length / BYTES_FEW);
  const structure = terminator === undefined ? 0.3 : 0.75 + 0.25 * repetition;
  return { score: printable ** 8 * wordy ** 2 * structure * enough, terminator, lines, printable };
}

/** A line with its numbers and words made alike: lines of one instrument have few shapes. */
function shapeOf(line: string): string {
  return line
    .replace(/\d+/g, '9')
    .replace(/[A-Za-z]+/g, 'a')
    .replace(/[+-]/g, '');
}

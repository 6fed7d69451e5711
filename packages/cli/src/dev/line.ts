export type Style = 'plain' | 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '\x1b[1m',
  dim: '\x1b[2m',
  red: '\x1b[31m',
  green: '\x1b[32m',
  yellow: '\x1b[33m',
  cyan: '\x1b[36m',
};
const RESET = '\x1b[0m';

export interface Segment {
  readonly text: string;
  readonly style: Style;
}
/** One row of the terminal, in pieces of one style each. */
export type Line = readonly Segment[];

export function segment(text: string, style: Style = 'plain'): Segment {
  return { text, style };
}

/** The line as a terminal wants it, cut to `width` columns. Every character is taken to be one column wide. */
export function renderLine(line: Line, width: number): string {
  let left = width;
  let rendered = '';
  const length = line.reduce((total, { text }) => total + [...text].length, 0);
  for (const { text, style } of line) {
    const characters = [...text.replace(/\p{Cc}/gu, ' ')];
    const isCut = characters.length > left || (characters.length === left && length > width);
    const shown = isCut ? `${characters.slice(0, Math.max(0, left - 1)).join('')}…` : characters.join('');
    rendered += CODES[style] === '' ? shown : CODES[style] + shown + RESET;
    left -= characters.length;
    if (isCut || left <= 0) break;
  }
  return rendered;
}

/** Breaks text that must stay whole, such as a command to type, over rows of `width`. */
export function breakText(text: string, width: number): string[] {
  const rows: string[] = [];
  for (let at = 0; at < text.length; at += width) rows.push(text.slice(at, at + width));
  return rows;
}

import { printable } from '../consume/format.ts';
import type { AgentLine } from './agent-client.ts';

type Text = string | { base64: string } | null;

/** One line for people: offset, time, key, value, headers, with tabs between them. */
export function lineText(line: AgentLine): string {
  if ('lost' in line) {
    const { from, to, reason } = line.lost;
    return `${from}\t-\toffsets ${from} to ${to - 1} are not here: ${reason}\n`;
  }
  const { offset, timestamp, key, value, headers } = line;
  const pairs = headers.map((one) => `${printable(Buffer.from(one.key))}=${shown(one.value)}`);
  return `${[offset, new Date(timestamp).toISOString(), shown(key), shown(value), pairs.join(',')].join('\t')}\n`;
}

function shown(text: Text): string {
  if (text === null || typeof text === 'string') return printable(text === null ? null : Buffer.from(text));
  return printable(Buffer.from(text.base64, 'base64'));
}

import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';

/** Bytes that crossed a line. */
export interface CaptureEvent {
  atMs: number;
  /** `>` to the instrument, `<` from it. */
  direction: '>' | '<';
  bytes: Buffer;
}

const LINE = /^(\d+(?:\.\d+)?)\s+([<>])\s+(.+)$/;

/**
 * Reads a capture: per line milliseconds, `>` or `<`, and the bytes as hexadecimal pairs or as a JSON string; bytes of one line
 * arrive together. Lines that begin with `#`, and empty ones, are passed over. Throws CONFIG_INVALID with file and line.
 */
export function readCapture(path: string): CaptureEvent[] {
  const events: CaptureEvent[] = [];
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, i) => {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) return;
      const match = LINE.exec(text);
      const bytes = match === null ? undefined : parseBytes(match[3]!);
      const atMs = Number(match?.[1]);
      if (match === null || bytes === undefined || atMs < (events.at(-1)?.atMs ?? 0)) {
        throw new EdgelogError(
          'CONFIG_INVALID',
          `${path}:${i + 1}: must be "MILLISECONDS < BYTES" or ">", not earlier than the line before; bytes as hex pairs or a "string"`,
        );
      }
      events.push({ atMs, direction: match[2] as '<' | '>', bytes });
    });
  return events;
}

function parseBytes(text: string): Buffer | undefined {
  if (text.startsWith('"')) {
    try {
      const parsed: unknown = JSON.parse(text);
      return typeof parsed === 'string' ? Buffer.from(parsed, 'latin1') : undefined;
    } catch {
      return undefined;
    }
  }
  const digits = text.replaceAll(/\s+/g, '');
  return /^(?:[0-9a-fA-F]{2})+$/.test(digits) ? Buffer.from(digits, 'hex') : undefined;
}

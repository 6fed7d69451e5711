import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { sourceHeaders } from '@edgelog/edge';
import { z } from 'zod';
import type { Incoming } from './incoming.ts';

const captureSchema = z
  .strictObject({
    kind: z.enum(['mqtt', 'serial', 'subscription']).default('mqtt'),
    name: z.string().min(1),
    client: z.string().default('dry-run'),
    payload: z.string().optional(),
    base64: z.string().optional(),
  })
  .refine(
    ({ payload, base64 }) => (payload === undefined) !== (base64 === undefined),
    'expected payload or base64',
  );

const STDIN = 0;

/** Messages of a file (`-`: of standard input), one JSON object a line: `{"name": "a/b", "payload": "21.5"}`. Throws CONFIG_INVALID naming the line. */
export function readCaptures(path: string, gateway: string): Incoming[] {
  let text: string;
  try {
    text = readFileSync(path === '-' ? STDIN : path, 'utf8');
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `--file ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const parsed = captureSchema.safeParse(parseLine(line));
    if (!parsed.success) {
      throw new EdgelogError('CONFIG_INVALID', `${path}:${i + 1}: ${z.prettifyError(parsed.error)}`);
    }
    const { kind, name, client, payload, base64 } = parsed.data;
    const value = payload === undefined ? Buffer.from(base64!, 'base64') : Buffer.from(payload);
    return [incoming(kind, name, client, value, gateway)];
  });
}

/** A message as a source would hand it in. */
export function incoming(
  kind: Incoming['kind'],
  name: string,
  client: string,
  value: Buffer,
  gateway: string,
): Incoming {
  const source = kind === 'serial' ? `serial:${name}` : `${kind}:${client}`;
  return { kind, name, value, headers: sourceHeaders(gateway, source) };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // the schema refuses it
  }
}

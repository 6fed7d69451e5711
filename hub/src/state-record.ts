import { EdgelogError } from '@edgelog/base';
import type { StateTable } from '@edgelog/log';
import type { z } from 'zod';

/** Stores one record of hub state as JSON (small, rarely written, readable with any dump). Durable with the next commit. */
export function putRecord<S extends z.ZodType>(
  state: StateTable,
  key: string,
  schema: S,
  value: z.infer<S>,
): void {
  state.put(key, Buffer.from(JSON.stringify(schema.parse(value))));
}

/** Reads what `putRecord` stored. Throws DATA_DIR_INVALID naming the key when it is not what it should be. */
export function readRecord<S extends z.ZodType>(
  state: StateTable,
  key: string,
  schema: S,
): z.infer<S> | undefined {
  const value = state.get(key);
  return value === undefined ? undefined : parse(key, schema, value);
}

/** All records whose key begins with `prefix`, with what follows it in their key. */
export function* readRecords<S extends z.ZodType>(
  state: StateTable,
  prefix: string,
  schema: S,
): Generator<[rest: string, record: z.infer<S>]> {
  for (const [key, value] of state.entries(prefix))
    yield [key.slice(prefix.length), parse(key, schema, value)];
}

function parse<S extends z.ZodType>(key: string, schema: S, value: Buffer): z.infer<S> {
  try {
    return schema.parse(JSON.parse(value.toString()));
  } catch (cause) {
    throw new EdgelogError('DATA_DIR_INVALID', `state record ${JSON.stringify(key)} cannot be read`, {
      cause,
    });
  }
}

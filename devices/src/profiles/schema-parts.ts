import { parseDuration } from '@edgelog/runtime/units.ts';
import { z } from 'zod';
import { decimalOf } from '../protocols/decimal.ts';

/** What values are called in readings: letters, digits and `_`, beginning with a letter. */
export const valueName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'must be a name of letters, digits and _, e.g. flowTemperature');

/** A number of the YAML as the decimal that stands there. */
export const exactNumber = z
  .number()
  .transform((value) => decimalOf(value))
  .refine((value) => value !== undefined, 'must be a finite number')
  .transform((value) => value!);

export const ONE = decimalOf(1)!;
export const ZERO = decimalOf(0)!;

/** `500ms`, `10s`, `2m`, `1h` → milliseconds. */
export const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'must be a time such as 500ms, 10s, 2m or 1h')
  .transform((text) => parseDuration(text)!);

export const lineSchema = z.strictObject({
  baudRate: z.number().int().min(50).max(4_000_000),
  dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
  parity: z.enum(['none', 'even', 'odd']).default('none'),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
});

/** What every profile says of itself. */
export const commonFields = {
  title: z.string().min(1),
  /** Where the facts come from: standard, manual, version. */
  source: z.string().min(1),
  line: lineSchema,
};

/** Refuses two entries of a list with the same name. */
export function uniqueNames(entries: readonly { name: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  entries.forEach(({ name }, i) => {
    if (seen.has(name))
      context.addIssue({
        code: 'custom',
        path: [i, 'name'],
        message: `is used twice: ${JSON.stringify(name)}`,
      });
    seen.add(name);
  });
}

import { EdgelogError } from '@edgelog/base';
import { z } from 'zod';
import { VALUE_FORMS } from './record-json.ts';

const number = z
  .string()
  .regex(/^\d{1,15}$/, 'expected a number')
  .transform(Number);
const yes = z.enum(['0', '1', 'true', 'false', '']).transform((word) => word !== '0' && word !== 'false');

const schema = z.strictObject({
  /** A number; with a minus so many before the end; `first` or `next`. */
  offset: z
    .string()
    .regex(/^(-?\d{1,15}|first|next)$/, 'expected a number, -N for the last N, first or next')
    .optional(),
  /** ISO 8601, or ms since 1970. */
  time: z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
    .refine((ms) => Number.isSafeInteger(ms), 'expected a time as 2026-01-31T12:00:00Z, or ms since 1970')
    .optional(),
  limit: number.refine((limit) => limit > 0, 'expected a number above 0').optional(),
  follow: yes.default(false),
  values: z.enum(VALUE_FORMS).default('text'),
  /** Longer values are cut. */
  valueBytes: number.optional(),
});

export type ReadQuery = z.output<typeof schema>;

/** Throws CONFIG_INVALID naming the parameter. */
export function readQuery(parameters: URLSearchParams): ReadQuery {
  const { data, error } = schema.safeParse(Object.fromEntries(parameters));
  if (data === undefined) {
    const [issue] = error.issues;
    const at = issue!.path.join('.');
    throw new EdgelogError('CONFIG_INVALID', at === '' ? issue!.message : `${at}: ${issue!.message}`);
  }
  if (data.offset !== undefined && data.time !== undefined) {
    throw new EdgelogError('CONFIG_INVALID', 'give offset or time, not both');
  }
  return data;
}

import { z } from 'zod';
import { CHECKSUMS, type ChecksumName } from './checksums.ts';
import { cobsFramer } from './cobs.ts';
import { DelimiterFramer } from './delimiter.ts';
import { fixedFramer, fixedOverhead } from './fixed.ts';
import type { Framer, FramerEvents } from './framer.ts';
import { GapFramer } from './gap.ts';
import { lengthPrefixFramer } from './length-prefix.ts';
import { lineFramer } from './line.ts';
import { MarkersFramer } from './markers.ts';
import { slipFramer } from './slip.ts';

const MARKER_BYTES_MAX = 16;
/** Of frames that have to be searched for after noise; what is searched again and again has to be short. */
const SEARCHED_BYTES_MAX = 65_536;
/** Longer than any pause that operating systems and USB adapters put into a frame. */
const GAP_MS = 200;

const byte = z.int().min(0).max(255);

/** Bytes as text (`"\r\n"`) or as numbers (`[0x02, 0x10]`). */
const bytesSchema = z
  .union([z.string().min(1).max(MARKER_BYTES_MAX), z.array(byte).min(1).max(MARKER_BYTES_MAX)], {
    error: `expected 1 to ${MARKER_BYTES_MAX} bytes as text ("\\r\\n") or as numbers ([0x02, 0x10])`,
  })
  .transform((given) => (typeof given === 'string' ? Buffer.from(given, 'latin1') : Buffer.from(given)));

const checkShape = {
  type: z.enum(Object.keys(CHECKSUMS) as [ChecksumName, ...ChecksumName[]]),
  encoding: z.enum(['raw', 'hex']).default('raw'),
  endian: z.enum(['be', 'le']).default('be'),
};

const maxBytes = z.int().min(1).max(SEARCHED_BYTES_MAX).default(4096);
const gapMs = z.int().min(1).max(60_000).default(GAP_MS);
const sync = bytesSchema.default(() => Buffer.alloc(0));
const trailingChecksum = z
  .strictObject({ ...checkShape, from: z.int().min(0).max(64).default(0) })
  .optional();

const framings = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('line') }),
  z.strictObject({ type: z.literal('delimiter'), delimiter: bytesSchema }),
  z.strictObject({
    type: z.literal('length'),
    offset: z.int().min(0).max(64).default(0),
    width: z.union([z.literal(1), z.literal(2), z.literal(4)]).default(1),
    endian: z.enum(['be', 'le']).default('be'),
    counts: z.enum(['behind', 'content', 'frame']).default('behind'),
    keepHeader: z.boolean().default(false),
    sync,
    checksum: trailingChecksum,
    maxBytes,
    gapMs,
  }),
  z
    .strictObject({
      type: z.literal('fixed'),
      bytes: z.int().min(1).max(SEARCHED_BYTES_MAX),
      sync,
      checksum: trailingChecksum,
      gapMs,
    })
    .refine(({ bytes, sync, checksum }) => bytes > fixedOverhead({ sync, checksum }), {
      path: ['bytes'],
      error: 'expected more bytes than those of sync and checksum',
    }),
  z.strictObject({ type: z.literal('gap'), gapMs: z.int().min(2).max(60_000) }),
  z.strictObject({ type: z.literal('slip') }),
  z.strictObject({ type: z.literal('cobs') }),
  z
    .strictObject({
      type: z.literal('markers'),
      start: bytesSchema,
      end: bytesSchema,
      checksum: z
        .strictObject({
          ...checkShape,
          at: z.enum(['before-end', 'after-end']),
          overStart: z.boolean().default(false),
          overEnd: z.boolean().default(false),
        })
        .optional(),
      keepMarkers: z.boolean().default(false),
      maxBytes,
    })
    .refine(({ start, end }) => !start.equals(end), {
      path: ['end'],
      error: 'expected other bytes than those of start; where they are the same, use type delimiter',
    }),
]);

/** The setting `framing`: `line`, or `{type: line, …}`. */
export const framingSchema = z.preprocess(
  (given) => (typeof given === 'string' ? { type: given } : given),
  framings,
);

export type Framing = z.output<typeof framingSchema>;

export const LINE_FRAMING: Framing = { type: 'line' };

/** A framer as set. `maxFrameBytes` limits framings that have no `maxBytes` of their own. */
export function createFramer(framing: Framing, maxFrameBytes: number, events: FramerEvents): Framer {
  switch (framing.type) {
    case 'line':
      return lineFramer(maxFrameBytes, events);
    case 'delimiter':
      return new DelimiterFramer({ ...framing, maxBytes: maxFrameBytes }, events);
    case 'length':
      return lengthPrefixFramer(framing, events);
    case 'fixed':
      return fixedFramer(framing, events);
    case 'gap':
      return new GapFramer({ ...framing, maxBytes: maxFrameBytes }, events);
    case 'slip':
      return slipFramer(maxFrameBytes, events);
    case 'cobs':
      return cobsFramer(maxFrameBytes, events);
    case 'markers':
      return new MarkersFramer(framing, events);
  }
}

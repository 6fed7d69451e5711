import { z } from 'zod';
import { MAX_FRAME_BYTES, MAX_NAME_CHARS, MAX_TOPIC_CHARS } from '../limits.ts';
import { type GapReason, REFUSAL_CODES } from '../ports.ts';
import type { BatchFrame, Frame, FrameName } from './types.ts';

const uint = z.int().min(0);
const uint31 = uint.max(0x7fff_ffff);
const crc = uint.max(0xffff_ffff);
const name = z.string().min(1).max(MAX_NAME_CHARS);
const topic = z.string().max(MAX_TOPIC_CHARS);
const message = z.string().max(4096);

const gapReason = z.enum([
  'hub-lost-data',
  'diverged',
  'dropped',
  'quarantined',
  'refused',
] satisfies readonly GapReason[]);

const refusalCode = z.enum(REFUSAL_CODES);

type ControlFrame = Exclude<Frame, BatchFrame>;
type SchemaOf<N extends ControlFrame['type']> = z.ZodType<Extract<ControlFrame, { type: N }>> & {
  shape: Record<string, z.ZodType>;
};

/** Every frame but `batch`. A schema's keys, after `type`, are the elements of the frame's array in order. */
export const frameSchemas: { [N in Exclude<FrameName, 'batch'>]: SchemaOf<N> } = {
  hello: z.strictObject({
    type: z.literal('hello'),
    version: uint31,
    gateway: name,
    instance: name,
    agentVersion: name,
    time: uint,
  }),
  open: z
    .strictObject({
      type: z.literal('open'),
      handle: uint31,
      producerId: uint,
      logId: name,
      topic,
      firstOffset: uint,
      ackedNext: uint.nullable(),
      ackedCrc: crc.nullable(),
      sealedEnd: uint,
    })
    .refine((frame) => (frame.ackedNext === null) === (frame.ackedCrc === null), {
      message: 'is null, but not the other half of the position',
      path: ['ackedCrc'],
    }),
  gap: z
    .strictObject({
      type: z.literal('gap'),
      id: uint31,
      logId: name,
      topic,
      from: uint,
      to: uint,
      reason: gapReason,
    })
    .refine((frame) => frame.from < frame.to, { message: 'is not above `from`', path: ['to'] }),
  close: z.strictObject({ type: z.literal('close'), handle: uint31 }),
  welcome: z
    .strictObject({
      type: z.literal('welcome'),
      version: uint31,
      hubId: name,
      time: uint,
      credit: uint,
      maxFrameBytes: uint.min(1024).max(MAX_FRAME_BYTES * 16),
    })
    .refine((frame) => frame.credit >= frame.maxFrameBytes, {
      message: 'is below maxFrameBytes: the largest batch could never be sent',
      path: ['credit'],
    }),
  opened: z
    .strictObject({
      type: z.literal('opened'),
      handle: uint31,
      partition: uint31,
      next: uint.nullable(),
      crc: crc.nullable(),
    })
    .refine((frame) => (frame.next === null) === (frame.crc === null), {
      message: 'is null, but not the other half of the position',
      path: ['crc'],
    }),
  ack: z.strictObject({ type: z.literal('ack'), handle: uint31, next: uint, crc }),
  credit: z.strictObject({ type: z.literal('credit'), bytes: uint.min(1) }),
  gapRecorded: z.strictObject({ type: z.literal('gapRecorded'), id: uint31 }),
  refuse: z.strictObject({
    type: z.literal('refuse'),
    code: refusalCode,
    message,
    handle: uint31.nullable(),
  }),
};

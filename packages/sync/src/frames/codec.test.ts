import { EdgelogError } from '@edgelog/base';
import { encode } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrame } from './codec.ts';
import { FRAME_TYPE, type Frame } from './types.ts';

const uint31 = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const offset = fc.maxSafeNat();
const crc = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const name = fc.string({ minLength: 1, maxLength: 40 });
const position = fc.option(fc.tuple(offset, crc), { nil: undefined });

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    version: uint31,
    gateway: name,
    instance: name,
    agentVersion: name,
    time: offset,
  }),
  fc.tuple(uint31, offset, name, name, offset, position, offset).map(
    ([handle, producerId, logId, topic, firstOffset, acked, sealedEnd]): Frame => ({
      type: 'open',
      handle,
      producerId,
      logId,
      topic,
      firstOffset,
      ackedNext: acked?.[0] ?? null,
      ackedCrc: acked?.[1] ?? null,
      sealedEnd,
    }),
  ),
  fc.record({
    type: fc.constant('batch' as const),
    handle: uint31,
    bytes: fc.uint8Array({ maxLength: 70_000 }).map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({ type: fc.constant('close' as const), handle: uint31 }),
  fc.tuple(uint31, uint31, position).map(
    ([handle, partition, at]): Frame => ({
      type: 'opened',
      handle,
      partition,
      next: at?.[0] ?? null,
      crc: at?.[1] ?? null,
    }),
  ),
  fc.record({ type: fc.constant('ack' as const), handle: uint31, next: offset, crc }),
  fc.record({ type: fc.constant('credit' as const), bytes: fc.integer({ min: 1 }) }),
  fc.record({
    type: fc.constant('refuse' as const),
    code: fc.constantFrom('illegal-topic' as const, 'duplicate-instance' as const),
    message: fc.string({ maxLength: 200 }),
    handle: fc.option(uint31),
  }),
);

const corrupt = (message: Buffer) => {
  try {
    decodeFrame(message);
  } catch (error) {
    if (error instanceof EdgelogError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'decoded';
};

describe('frames', () => {
  test('every frame comes out as it went in', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
    );
  });

  test('the bytes of a batch are a view of the message', () => {
    const message = encodeFrame({ type: 'batch', handle: 7, bytes: Buffer.from('sealed') });
    const frame = decodeFrame(message);
    expect(frame).toMatchObject({ type: 'batch', handle: 7 });
    message.write('SEALED', message.length - 6);
    expect(frame.type === 'batch' && frame.bytes.toString()).toBe('SEALED');
  });

  test('a batch frame is plain CBOR that any library reads', () => {
    const message = encodeFrame({ type: 'batch', handle: 300, bytes: Buffer.from([1, 2, 3]) });
    expect(message).toEqual(Buffer.from([0x83, 3, 0x19, 1, 44, 0x43, 1, 2, 3]));
  });

  test('whatever arrives is decoded or refused as CORRUPT_FRAME, nothing else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void corrupt(Buffer.from(bytes))));
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 0, max: 255 }), (frame, at, value) => {
        const message = Buffer.from(encodeFrame(frame));
        message[at % message.length] = value;
        corrupt(message);
        corrupt(message.subarray(0, at % message.length));
      }),
    );
  });

  test.each<[string, unknown, RegExp]>([
    ['no array', { type: 1 }, /CBOR array/],
    ['an unknown type', [99], /unknown frame type 99/],
    ['a missing field', [FRAME_TYPE.ack, 1, 2], /ack frame with 2 fields instead of 3/],
    ['a field of the wrong type', [FRAME_TYPE.ack, 1, 'x', 2], /ack frame: next "x"/],
    ['a negative offset', [FRAME_TYPE.ack, 1, -5, 2], /ack frame: next -5/],
    ['a fraction', [FRAME_TYPE.ack, 1, 0.5, 2], /ack frame: next 0.5/],
    ['half a position', [FRAME_TYPE.opened, 1, 0, 5, null], /opened frame: crc/],
    ['a gap of nothing', [FRAME_TYPE.gap, 1, 'l', 't', 5, 5, 'dropped'], /gap frame: to 5/],
    ['credit below a frame', [FRAME_TYPE.welcome, 1, 'h', 0, 10, 8192], /welcome frame: credit 10/],
    ['a large frame without a batch', [FRAME_TYPE.close, 'x'.repeat(70_000)], /at most 65536/],
  ])('names what is wrong with %s', (_, value, expected) => {
    expect(corrupt(encode(value))).toMatch(expected);
  });

  test('names what is wrong with a batch frame whose length lies', () => {
    expect(corrupt(Buffer.from([0x83, 3, 1, 0x5a, 0xff, 0xff, 0xff, 0xff, 1]))).toMatch(/4294967295 at 8/);
    expect(corrupt(Buffer.from([0x83, 3, 1, 0x59, 1]))).toMatch(/truncated bytes/);
    expect(corrupt(Buffer.from([0x83, 3]))).toMatch(/no handle at byte 2/);
  });
});

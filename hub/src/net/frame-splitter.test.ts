import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FramePool } from './frame-pool.ts';
import { FRAME_BYTES_MIN, FrameSplitter } from './frame-splitter.ts';

const pool = new FramePool(1_000_000);
const any = () => {};

const withLength = (frame: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(frame.length);
  return Buffer.concat([length, frame]);
};

function split(splitter: FrameSplitter, chunks: Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) frames.push(frame);
  }
  return frames;
}

describe('frame splitter', () => {
  test('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: FRAME_BYTES_MIN, maxLength: 300 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(withLength));
          const chunks: Buffer[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = Math.min(stream.length, at + cuts[i % cuts.length]!);
            chunks.push(stream.subarray(at, end));
            at = end;
          }
          const splitter = new FrameSplitter(1024, pool, any);
          expect(split(splitter, chunks)).toEqual(frames.map((frame) => Buffer.from(frame)));
          expect(splitter.heldBytes).toBe(0);
          expect(splitter.isMidFrame).toBe(false);
        },
      ),
    );
  });

  test('keeps nothing of a chunk that its caller overwrites, though it stopped between two frames', () => {
    const frames = [1, 2, 3].map((value) => Buffer.alloc(20, value));
    const shared = Buffer.concat(frames.map(withLength));
    const splitter = new FrameSplitter(1024, pool, any);
    splitter.push(shared);
    const first = splitter.next();
    splitter.keepRest();
    shared.fill(0xff);
    expect([first, splitter.next(), splitter.next(), splitter.next()]).toEqual([...frames, undefined]);
  });

  test('joins a frame of many megabytes', () => {
    const frame = Buffer.alloc(5_000_000, 'abcdefg');
    const stream = withLength(frame);
    const chunks = Array.from({ length: Math.ceil(stream.length / 65_536) }, (_, i) =>
      stream.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const [joined, ...rest] = split(new FrameSplitter(frame.length, pool, any), chunks);
    expect(rest).toEqual([]);
    expect(joined!.equals(frame)).toBe(true);
  });

  test.each([
    ['GET / HTTP/1.1\r\n\r\n', /looks like an HTTP request/],
    ['\x16\x03\x01\x02\x00', /looks like a TLS handshake/],
    ['SSH-2.0-OpenSSH', /looks like an SSH client/],
    ['hello there', /looks like text beginning "hell"/],
    ['\x00\x00\x00\x07', /frame length 7/],
    ['\xff\xff\xff\xff', /frame length -1/],
    ['\x00\x00\x10\x01', /frame of 4097 bytes, at most 4096/],
  ])('refuses %j and says what it looked like', (text, message) => {
    const splitter = new FrameSplitter(4096, pool, any);
    splitter.push(Buffer.from(text, 'latin1'));
    expect(() => splitter.next()).toThrow(message);
  });

  test('looks at the API of a frame as soon as it is there, once, unless the frame is whole by then', () => {
    const seen: number[][] = [];
    const splitter = new FrameSplitter(100_000_000, pool, (...api) => void seen.push(api));
    const start = Buffer.from('05f5e10000010004', 'hex');
    for (const byte of start.subarray(0, -1)) expect(split(splitter, [Buffer.from([byte])])).toEqual([]);
    expect(seen).toEqual([]);
    split(splitter, [start.subarray(-1), Buffer.alloc(1000), Buffer.alloc(1000)]);
    expect(seen).toEqual([[1, 4]]);
    const whole = withLength(Buffer.alloc(8, 7));
    expect(split(new FrameSplitter(100, pool, () => expect.unreachable()), [whole]).length).toBe(1);
  });
});

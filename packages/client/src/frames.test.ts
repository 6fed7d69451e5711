import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from './frames.ts';

test('frames are whole however they were cut, and keep when what they came in is overwritten', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 300 }), { maxLength: 8 });
  const run = (frames: Uint8Array[], pieceBytes: number) => {
    const stream = Buffer.concat(
      frames.flatMap((body) => {
        const length = Buffer.alloc(4);
        length.writeInt32BE(body.length);
        return [length, body];
      }),
    );
    const shared = Buffer.alloc(pieceBytes);
    const reader = new FrameReader();
    const read: Buffer[] = [];
    for (let at = 0; at < stream.length; at += pieceBytes) {
      const count = stream.copy(shared, 0, at);
      expect(reader.read(shared.subarray(0, count), (frame) => void read.push(frame))).toBe(true);
    }
    expect(read.map((frame) => [...frame])).toEqual(frames.map((body) => [...body]));
  };
  fc.assert(fc.property(bodies, fc.integer({ min: 1, max: 200 }), run));
});

test('a length that no frame has is told', () => {
  const reader = new FrameReader();
  expect(reader.read(Buffer.from('SSH-2.0-OpenSSH'), () => {})).toBe(false);
});

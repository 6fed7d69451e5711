import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CheckSpec, encodeCheck } from './check.ts';
import { cobsEncode } from './cobs.ts';
import { framingSchema } from './framing.ts';
import { slipEncode } from './slip.ts';
import { cutAt, frameBursts } from './testing/frames.ts';

const CRC: CheckSpec = { type: 'crc16-modbus', encoding: 'raw', endian: 'le' };
const XOR_HEX: CheckSpec = { type: 'xor', encoding: 'hex', endian: 'be' };
const [STX, ETX] = [Buffer.of(2), Buffer.of(3)];

function withCheck(spec: CheckSpec, covered: Buffer): Buffer {
  return Buffer.concat([covered, encodeCheck(spec, covered)]);
}

interface Case {
  name: string;
  framing: unknown;
  /** As the instrument sends it. */
  encode(content: Buffer): Buffer;
  content: fc.Arbitrary<Buffer>;
  /** Whether the frames after noise are found without a pause of the line. */
  findsItself: boolean;
}

const anyBytes = (min: number, max: number) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((bytes) => Buffer.from(bytes));
const text = (unit: string, max: number) =>
  fc.string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength: max }).map((one) => Buffer.from(one));

const CASES: Case[] = [
  {
    name: 'line',
    framing: 'line',
    encode: (content) => Buffer.concat([content, Buffer.from('\r\n')]),
    content: text('abc', 20),
    findsItself: true,
  },
  {
    name: 'a delimiter of three bytes',
    framing: { type: 'delimiter', delimiter: [0xaa, 0xaa, 0x55] },
    encode: (content) => Buffer.concat([content, Buffer.of(0xaa, 0xaa, 0x55)]),
    content: text('abc', 20),
    findsItself: true,
  },
  { name: 'SLIP', framing: 'slip', encode: slipEncode, content: anyBytes(1, 30), findsItself: true },
  { name: 'COBS', framing: 'cobs', encode: cobsEncode, content: anyBytes(1, 600), findsItself: true },
  {
    name: 'a length of two bytes behind a sync word, with CRC',
    framing: {
      type: 'length',
      offset: 2,
      width: 2,
      endian: 'le',
      counts: 'content',
      sync: [0xaa, 0x55],
      checksum: { type: 'crc16-modbus', endian: 'le' },
      maxBytes: 64,
    },
    encode: (content) => withCheck(CRC, Buffer.concat([Buffer.of(0xaa, 0x55, content.length, 0), content])),
    content: anyBytes(1, 30),
    findsItself: true,
  },
  {
    name: 'a bare length of one byte that counts the frame',
    framing: { type: 'length', width: 1, counts: 'frame' },
    encode: (content) => Buffer.concat([Buffer.of(content.length + 1), content]),
    content: anyBytes(1, 30),
    findsItself: false,
  },
  {
    name: 'fixed frames with sync and CRC',
    framing: {
      type: 'fixed',
      bytes: 10,
      sync: '#',
      checksum: { type: 'crc16-modbus', endian: 'le', from: 1 },
    },
    encode: (content) => Buffer.concat([Buffer.from('#'), withCheck(CRC, content)]),
    content: anyBytes(7, 7),
    findsItself: true,
  },
  {
    name: 'fixed frames without any mark',
    framing: { type: 'fixed', bytes: 4 },
    encode: (content) => content,
    content: anyBytes(4, 4),
    findsItself: false,
  },
  {
    name: 'markers without a checksum',
    framing: { type: 'markers', start: [2], end: [3] },
    encode: (content) => Buffer.concat([STX, content, ETX]),
    content: text('abc', 20),
    findsItself: true,
  },
  {
    name: 'markers with a binary content and CRC before the end',
    framing: {
      type: 'markers',
      start: [2],
      end: [3],
      checksum: { type: 'crc16-modbus', endian: 'le', at: 'before-end' },
    },
    encode: (content) => Buffer.concat([STX, withCheck(CRC, content), ETX]),
    content: text('abc\x02', 12),
    findsItself: true,
  },
  {
    name: 'markers with hex digits behind the end, as NMEA has them',
    framing: {
      type: 'markers',
      start: '$',
      end: '*',
      checksum: { type: 'xor', encoding: 'hex', at: 'after-end' },
    },
    encode: (content) =>
      Buffer.concat([Buffer.from('$'), content, Buffer.from('*'), encodeCheck(XOR_HEX, content)]),
    content: text('abc,', 20),
    findsItself: true,
  },
];

describe.each(CASES)('$name', ({ framing, encode, content, findsItself }) => {
  const contents = fc.array(content, { maxLength: 6 });
  const cuts = fc.array(fc.nat(), { maxLength: 8 });

  test('the frames are those that were sent, however the bytes are cut', () => {
    fc.assert(
      fc.property(contents, cuts, (sent, at) => {
        const bytes = Buffer.concat(sent.map(encode));
        const result = frameBursts(framing, cutAt(bytes, at));
        expect(result.frames).toEqual(sent.map((one) => one.toString('latin1')));
        expect(result.bad).toEqual({ checksum: 0, framing: 0 });
      }),
    );
  });

  test('any bytes, cut anywhere, give the same frames and faults as in one piece', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(content.map(encode), anyBytes(0, 20)), { maxLength: 6 }),
        cuts,
        (parts, at) => {
          const bytes = Buffer.concat(parts);
          const { pendingBytes: _, ...cut } = frameBursts(framing, cutAt(bytes, at));
          const { pendingBytes: __, ...whole } = frameBursts(framing, [{ bytes }]);
          expect(cut).toEqual(whole);
        },
      ),
    );
  });

  test('noise costs only the frames it hits', () => {
    fc.assert(
      fc.property(
        content,
        content,
        content,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, b, c, at, flip) => {
          const hit = encode(b);
          hit[at % hit.length] = hit[at % hit.length]! ^ flip;
          const afterPause = findsItself ? 0 : 60_000;
          const bursts = [
            { bytes: encode(a) },
            { bytes: hit },
            { bytes: encode(c), atMs: afterPause },
            { bytes: encode(a), atMs: 2 * afterPause },
            { bytes: encode(c), atMs: 2 * afterPause },
          ];
          const { frames } = frameBursts(framing, bursts);
          expect(frames[0]).toBe(a.toString('latin1'));
          // A delimiter that was hit joins two frames, or cuts one in two.
          expect(frames.slice(-2)).toEqual([a.toString('latin1'), c.toString('latin1')]);
          expect(frames.length).toBeGreaterThanOrEqual(3);
        },
      ),
    );
  });

  test('endless garbage takes no memory, and what follows it is found', () => {
    const seed = fc.sample(anyBytes(997, 997), { numRuns: 1, seed: 7 })[0]!;
    const bursts = Array.from({ length: 100 }, () => ({ bytes: seed }));
    const [one] = fc.sample(content, { numRuns: 1, seed: 7 });
    const frame = encode(one!);
    const result = frameBursts(framing, [
      ...bursts,
      ...Array.from({ length: 3 }, () => ({ bytes: frame, atMs: 60_000 })),
    ]);
    expect(result.pendingBytes).toBeLessThan(10_000);
    expect(result.frames.at(-1)).toBe(one!.toString('latin1'));
  });
});

test('a frame of the longest size passes, one byte more is counted and dropped', () => {
  for (const [framing, frame] of [
    ['line', (n: number) => Buffer.from(`${'x'.repeat(n)}\r\n`)],
    [{ type: 'delimiter', delimiter: ';' }, (n: number) => Buffer.from(`${'x'.repeat(n)};`)],
    ['slip', (n: number) => slipEncode(Buffer.alloc(n, 0xc0))],
    ['cobs', (n: number) => cobsEncode(Buffer.alloc(n, 'x'))],
    [{ type: 'gap', gapMs: 50 }, (n: number) => Buffer.alloc(n, 'x')],
  ] as const) {
    expect(frameBursts(framing, [{ bytes: frame(10) }], 10).frames).toHaveLength(1);
    const over = frameBursts(framing, [{ bytes: frame(11) }, { bytes: frame(10), atMs: 1000 }], 10);
    expect(over.frames).toHaveLength(1);
    expect(over.overlong).toHaveLength(1);
  }
});

test('a silence between bytes ends a frame, a shorter pause does not', () => {
  const bytes = (one: string) => Buffer.from(one);
  const { frames } = frameBursts({ type: 'gap', gapMs: 50 }, [
    { bytes: bytes('ab'), atMs: 0 },
    { bytes: bytes('cd'), atMs: 49 },
    { bytes: bytes('ef'), atMs: 99 },
    { bytes: bytes('gh'), atMs: 149 },
  ]);
  expect(frames).toEqual(['abcd', 'ef', 'gh']);
});

test('half a frame before a silence is noise, and the frame after it is whole', () => {
  const { frames, bad } = frameBursts({ type: 'fixed', bytes: 4 }, [
    { bytes: Buffer.from('abcdef') },
    { bytes: Buffer.from('ghij'), atMs: 1000 },
  ]);
  expect(frames).toEqual(['abcd', 'ghij']);
  expect(bad.framing).toBe(2);
});

test('a false length that reaches over good frames gives them back after a silence', () => {
  const framing = { type: 'length', width: 1, counts: 'content' };
  const { frames } = frameBursts(framing, [{ bytes: Buffer.from([200, 2, 0x61, 0x62, 1, 0x63]) }]);
  expect(frames).toEqual(['ab', 'c']);
});

test.each([
  [{ type: 'lines' }, /type/],
  [{ type: 'delimiter' }, /delimiter.*expected 1 to 16 bytes/s],
  [{ type: 'delimiter', delimiter: [256] }, /delimiter/],
  [{ type: 'fixed', bytes: 3, sync: 'ab', checksum: { type: 'xor' } }, /more bytes than those of sync/],
  [{ type: 'markers', start: '$', end: '$' }, /use type delimiter/],
  [{ type: 'line', maxBytes: 5 }, /maxBytes/],
])('a framing that cannot be is refused with the reason: %j', (framing, reason) => {
  const parsed = framingSchema.safeParse(framing);
  expect(parsed.error?.message).toMatch(reason);
});

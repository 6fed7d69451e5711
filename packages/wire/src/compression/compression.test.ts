import { randomBytes } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { compressSync as rawSnappy } from 'snappy';
import { describe, expect, test } from 'vitest';
import type { CompressionName } from '../batch/header.ts';
import { compressRecords, compressRecordsSync, decompressRecords } from './index.ts';
import { lz4FrameBound } from './lz4-frame.ts';

const REAL_CODECS: readonly CompressionName[] = ['gzip', 'snappy', 'lz4', 'zstd'];

const sections = fc
  .tuple(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 0, max: 120 }))
  .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));

describe.each(REAL_CODECS)('%s', (codec) => {
  test('gives back what it got, in one block or many', async () => {
    await fc.assert(
      fc.asyncProperty(sections, async (section) => {
        const compressed = await compressRecords(codec, section);
        expect(decompressRecords(codec, compressed).equals(section)).toBe(true);
        expect(compressRecordsSync(codec, section).equals(compressed)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('many at once, small, large and incompressible, do not get into each other', async () => {
    const sections = Array.from({ length: 24 }, (_, i) => {
      const section = i % 3 === 0 ? randomBytes(i * 13_000) : Buffer.alloc(i * 17_000, `reading ${i}`);
      return section.subarray(0, section.length - i);
    });
    for (let round = 0; round < 3; round++) {
      const compressed = await Promise.all(sections.map((section) => compressRecords(codec, section)));
      for (const [i, section] of sections.entries()) {
        expect(decompressRecords(codec, compressed[i]!).equals(section)).toBe(true);
        expect(compressRecordsSync(codec, section).equals(compressed[i]!)).toBe(true);
      }
    }
  });

  test('more effort takes no more bytes and gives back the same', async () => {
    const readings = Array.from(
      { length: 500 },
      (_, i) => `{"device":"pump-${i % 40}","value":${(i * 7919) % 1009}}`,
    );
    const section = Buffer.from(readings.join());
    const high = await compressRecords(codec, section, 'high');
    expect(decompressRecords(codec, high).equals(section)).toBe(true);
    expect(compressRecordsSync(codec, section, 'high').equals(high)).toBe(true);
    expect(high.length).toBeLessThanOrEqual(compressRecordsSync(codec, section).length);
  });

  test('stops at the limit, and not below it', () => {
    const section = Buffer.alloc(1_000_000, 'edge');
    const compressed = compressRecordsSync(codec, section);
    expect(decompressRecords(codec, compressed, 1_048_576).length).toBe(1_000_000);
    expect(() => decompressRecords(codec, compressed, 900_000)).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });

  test('refuses a section cut at any byte', () => {
    const compressed = compressRecordsSync(codec, Buffer.from('reading '.repeat(20_000)));
    const cuts = Array.from({ length: Math.min(compressed.length, 300) }, (_, i) => i).concat(
      compressed.length - 1,
    );
    for (const size of cuts.filter((size) => !isWholeXerial(codec, size))) {
      expect(() => decompressRecords(codec, compressed.subarray(0, size)), `${size} bytes`).toThrow(
        EdgelogError,
      );
    }
  });
});

test('none is the very same bytes', async () => {
  const section = Buffer.from('as it is');
  expect(await compressRecords('none', section)).toBe(section);
  expect(decompressRecords('none', section)).toBe(section);
});

describe('snappy as other clients write it', () => {
  const section = Buffer.from('temperature=21.5 '.repeat(9000));

  test('one raw block is read', () => {
    expect(decompressRecords('snappy', rawSnappy(section)).equals(section)).toBe(true);
  });

  test('what we write begins with xerial’s header and has blocks of 64 KiB', () => {
    const framed = compressRecordsSync('snappy', section);
    expect(framed.subarray(0, 16).toString('latin1')).toBe('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01');
    const blocks: number[] = [];
    for (let at = 16; at < framed.length; at += 4 + framed.readInt32BE(at))
      blocks.push(framed.readInt32BE(at));
    expect(blocks.length).toBe(Math.ceil(section.length / 65_536));
  });

  test('a block that claims gigabytes is refused before anything is allocated', () => {
    const liar = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(() => decompressRecords('snappy', liar)).toThrow(/implausible block length/);
  });
});

describe('lz4 frames as other clients write them', () => {
  const section = Buffer.from('temperature=21.5 '.repeat(9000));

  test.each([
    { contentChecksum: true },
    { blockChecksums: true },
    { contentChecksum: true, blockChecksums: true },
  ])('%o is read', (options) => {
    const frame = compressFrameSync(section, options);
    expect(lz4FrameBound(frame)).toBeGreaterThanOrEqual(section.length);
    expect(decompressRecords('lz4', frame).equals(section)).toBe(true);
  });

  test('a wrong content checksum is found', () => {
    const frame = compressFrameSync(section, { contentChecksum: true });
    frame[frame.length - 1]! ^= 1;
    expect(() => decompressRecords('lz4', frame)).toThrow(EdgelogError);
  });

  test('what we write has independent blocks, as Kafka’s Java client demands', () => {
    const flags = compressRecordsSync('lz4', section)[4]!;
    expect(flags & 0b1110_0000).toBe(0b0110_0000);
  });

  test('bytes behind the frame are refused', () => {
    const frame = Buffer.concat([compressFrameSync(section), Buffer.from([0])]);
    expect(() => decompressRecords('lz4', frame)).toThrow(/1 bytes after the frame's end/);
  });
});

/** A xerial stream has no end mark: it is whole after its header and after every block. The record count tells. */
function isWholeXerial(codec: CompressionName, size: number): boolean {
  return codec === 'snappy' && size === 16;
}

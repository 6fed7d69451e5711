import { corruptCompression } from './codec.ts';

const MAGIC = 0x184d2204;
const FLAG = { dictionary: 0x01, contentChecksum: 0x04, contentSize: 0x08, blockChecksum: 0x10 } as const;
const STORED_BLOCK = 0x8000_0000;

/** An LZ4 block cannot grow by more than this factor: one byte of a match length adds 255 bytes. */
const EXPANSION_MAX = 255;

/**
 * Walks one LZ4 frame without decompressing it: the most bytes that it can give. The library has no limit of its own and takes a
 * frame cut between two blocks for a whole one, so both are settled here: throws CORRUPT_BATCH unless `frame` is
 * exactly one frame from magic to end mark. [LZ4 Frame Format 1.6]
 */
export function lz4FrameBound(frame: Buffer): number {
  need(frame, 0, 7);
  if (frame.readUInt32LE(0) !== MAGIC) throw corruptCompression('lz4', 'no LZ4 frame magic at byte 0');
  const flags = frame[4]!;
  if (flags >> 6 !== 1) throw corruptCompression('lz4', `unknown frame version ${flags >> 6}, at byte 4`);
  if (flags & FLAG.dictionary) throw corruptCompression('lz4', 'needs a dictionary, at byte 4');
  const blockBytesMax = blockSize(frame[5]!);
  const blockTrailer = flags & FLAG.blockChecksum ? 4 : 0;

  let at = 6 + (flags & FLAG.contentSize ? 8 : 0) + 1;
  let bound = 0;
  for (;;) {
    need(frame, at, 4);
    const word = frame.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const isStored = word >= STORED_BLOCK;
    const length = isStored ? word - STORED_BLOCK : word;
    if (length > blockBytesMax)
      throw corruptCompression('lz4', `block of ${length} bytes, at byte ${at - 4}`);
    need(frame, at, length + blockTrailer);
    bound += isStored ? length : Math.min(blockBytesMax, length * EXPANSION_MAX);
    at += length + blockTrailer;
  }
  if (flags & FLAG.contentChecksum) {
    need(frame, at, 4);
    at += 4;
  }
  if (at !== frame.length)
    throw corruptCompression('lz4', `${frame.length - at} bytes after the frame's end, at byte ${at}`);
  return bound;
}

/** Sizes 4 … 7 are 64 KiB, 256 KiB, 1 MiB and 4 MiB. */
function blockSize(descriptor: number): number {
  const code = (descriptor >> 4) & 0x07;
  if (code < 4) throw corruptCompression('lz4', `unknown block size ${code}, at byte 5`);
  return 2 ** (8 + 2 * code);
}

function need(frame: Buffer, at: number, length: number): void {
  if (at + length > frame.length) {
    throw corruptCompression(
      'lz4',
      `truncated frame: ${length} bytes wanted, ${frame.length - at} left, at byte ${at}`,
    );
  }
}

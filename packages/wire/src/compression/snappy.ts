import { createRequire } from 'node:module';
import { type Codec, corruptCompression, tooLarge } from './codec.ts';

const require = createRequire(import.meta.url);
/** Loaded when it is first used, as lz4 is. */
const native = (): typeof import('snappy') => require('snappy');

/** Xerial's stream header: magic, then version 1 and compatible version 1. Blocks follow, each behind an int32 length. */
const XERIAL_HEADER = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const XERIAL_MAGIC = XERIAL_HEADER.subarray(0, 8);

/** Snappy itself looks back 64 KiB at most, so larger blocks would gain nothing. */
const BLOCK_BYTES = 64 * 1024;

/** Without it each output is a mapping of its own outside the heap: measured 36 times slower at 64 KiB. */
const HEAP_OUTPUT = { copyOutputData: true };

/** The densest element copies 64 bytes for 3, so a block that claims more than this times its size is a lie. */
const EXPANSION_MAX = 22;

/** Writes xerial framing, which every Kafka client reads; reads that or one raw block, as some clients write. */
export const snappy: Codec = {
  async compress(bytes) {
    return frame(await Promise.all(blocksOf(bytes).map((block) => native().compress(block, HEAP_OUTPUT))));
  },
  compressSync: (bytes) => frame(blocksOf(bytes).map((block) => native().compressSync(block, HEAP_OUTPUT))),
  decompress(bytes, bytesMax) {
    const isXerial = bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
    return isXerial ? unframe(bytes, bytesMax) : uncompressBlock(bytes, 0, bytesMax, bytesMax);
  },
};

function blocksOf(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) blocks.push(bytes.subarray(at, at + BLOCK_BYTES));
  return blocks;
}

function frame(blocks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [XERIAL_HEADER];
  for (const block of blocks) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function unframe(bytes: Buffer, bytesMax: number): Buffer {
  const blocks: Buffer[] = [];
  let total = 0;
  let at = XERIAL_HEADER.length;
  if (bytes.length < at)
    throw corruptCompression('snappy', `truncated xerial header: ${bytes.length} of ${at} bytes`);
  while (at < bytes.length) {
    const length = at + 4 <= bytes.length ? bytes.readInt32BE(at) : -1;
    at += 4;
    if (length <= 0 || length > bytes.length - at) {
      throw corruptCompression('snappy', `xerial block of ${length} bytes does not fit, at byte ${at - 4}`);
    }
    const block = uncompressBlock(bytes.subarray(at, at + length), at, bytesMax - total, bytesMax);
    total += block.length;
    blocks.push(block);
    at += length;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, total);
}

/** `at` is where the block begins in the records section, for the message. */
function uncompressBlock(block: Buffer, at: number, bytesLeft: number, bytesMax: number): Buffer {
  const claimed = claimedLength(block);
  if (claimed < 0 || claimed > block.length * EXPANSION_MAX) {
    throw corruptCompression('snappy', `implausible block length, at byte ${at}`);
  }
  if (claimed > bytesLeft) throw tooLarge('snappy', bytesMax);
  try {
    return native().uncompressSync(block, HEAP_OUTPUT) as Buffer; // a string only with asBuffer: false
  } catch (cause) {
    throw corruptCompression('snappy', `${(cause as Error).message}, in the block at byte ${at}`, cause);
  }
}

/** The uncompressed length that opens a raw block (a varint of at most 32 bits), or −1. */
function claimedLength(block: Buffer): number {
  let value = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    const byte = block[i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  return -1;
}

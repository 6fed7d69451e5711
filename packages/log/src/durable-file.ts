import { closeSync, constants, openSync, write, writeSync } from 'node:fs';

/** Sizes of a device's sectors, smallest first: a write past the page cache is made of whole ones. */
const SECTORS = [512, 4096] as const;
/** What the page cache writes for a single byte. */
const PAGE_BYTES = 4096;

/**
 * A file of blocks that were all written before, in which a write is on disk when it returns. Where the file system can, writes go past the
 * page cache: then only the sectors meant are written. Elsewhere it is the whole
 * page that each lies in, so what must not be written again has pages of its own there.
 */
export class DurableFile {
  /** What a write begins and ends at, in bytes. */
  readonly sectorBytes: number;
  readonly #descriptor: number;

  private constructor(descriptor: number, sectorBytes: number) {
    this.#descriptor = descriptor;
    this.sectorBytes = sectorBytes;
  }

  /** `head` is what the file begins with, in memory of `alignedMemory`: it is written again, to find out what the device takes. */
  static open(path: string, head: Buffer): DurableFile {
    const { O_WRONLY, O_DSYNC, O_DIRECT = 0 } = constants;
    for (const sectorBytes of SECTORS) {
      const descriptor = tryOpen(path, O_WRONLY | O_DSYNC | O_DIRECT);
      if (descriptor === undefined) break;
      if (takes(descriptor, head.subarray(0, sectorBytes))) return new DurableFile(descriptor, sectorBytes);
      closeSync(descriptor);
    }
    return new DurableFile(openSync(path, O_WRONLY | O_DSYNC), PAGE_BYTES);
  }

  /** Writes `bytes` of the memory at `at` to the same place of the file. Resolves when they are on disk. */
  write(memory: Buffer, at: number, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (from: number, left: number): void => {
        write(this.#descriptor, memory, from, left, from, (error, written) => {
          if (error !== null) reject(error);
          else if (written < left) begin(from + written, left - written);
          else resolve();
        });
      };
      begin(at, bytes);
    });
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Memory that begins at a page, which writes past the page cache need: V8 maps a buffer that might grow by itself. */
export function alignedMemory(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes);
}

function tryOpen(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch {
    return undefined;
  }
}

function takes(descriptor: number, head: Buffer): boolean {
  try {
    return writeSync(descriptor, head, 0, head.length, 0) === head.length;
  } catch {
    return false;
  }
}

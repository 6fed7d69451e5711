import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { syncDir } from './segment-files.ts';

const NAME = 'FAILED';
const CHUNK_BYTES = 2 ** 20;

/**
 * Says for the next open that a write or a flush failed. It need not be flushed: it is about the page cache, and lost with that. Where it
 * cannot be written either nothing more can be said. Nor is it where there is no log any more: in the mount point of a disk that was pulled
 * out it would be taken for somebody else's file.
 */
export function noteFailure(dir: string): void {
  if (!existsSync(join(dir, 'segments'))) return;
  try {
    writeFileSync(join(dir, NAME), '');
  } catch {
    // The failure itself is told; this was for the next process.
  }
}

/**
 * Linux takes what it could not write for written: the next flush of the file succeeds, and it reads as if it were on disk, from
 * memory, until that is gone. So where a process before this one met with a failure, all of `path`, the segment that was written, is
 * written once more before anything in it is relied on. Throws DATA_DIR_INVALID where it cannot be.
 */
export async function writeAgainAfterFailure(dir: string, path: string): Promise<void> {
  const note = join(dir, NAME);
  if (!existsSync(note)) return;
  try {
    writeAgain(path);
    await syncDir(dirname(path));
  } catch (cause) {
    throw new EdgelogError(
      'DATA_DIR_INVALID',
      `${path} could not be written to the disk before, nor can it be now: ${(cause as Error).message}`,
      { cause },
    );
  }
  rmSync(note);
}

function writeAgain(path: string): void {
  const file = openSync(path, 'r+');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let at = 0, bytes = 0; ; at += bytes) {
      bytes = readSync(file, chunk, 0, chunk.length, at);
      if (bytes === 0) break;
      for (let done = 0; done < bytes; ) done += writeSync(file, chunk, done, bytes - done, at + done);
    }
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

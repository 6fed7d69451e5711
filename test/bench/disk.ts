import { readFileSync, writeFileSync } from 'node:fs';
import { deviceWrites } from '@edgelog/runtime';

/** Bytes that the block device below `path` has written since boot; undefined where there is none of its own. */
export function deviceBytesWritten(path: string): number | undefined {
  return deviceWrites(path)?.bytes;
}

/** Bytes that a process made the disk read since it began; what was in the page cache does not count. */
export function bytesReadFromDisk(pid: number): number {
  return Number(/^read_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
}

/** Empties the page cache, so that what is read comes from the disk; false where only root may, and this is not root. */
export function dropPageCache(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

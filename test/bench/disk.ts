import { readFileSync, statSync, writeFileSync } from 'node:fs';

const SECTOR_BYTES = 512;

/**
 * Bytes that the block device below `path` has written since boot, from /proc/diskstats; undefined where the file
 * system has no block device of its own (overlay, tmpfs). `write_bytes` of /proc/PID/io counts whole large folios
 * and is of no use here.
 */
export function deviceBytesWritten(path: string): number | undefined {
  const { dev } = statSync(path);
  const major = String((dev >> 8) & 0xfff);
  const minor = String((dev & 0xff) | ((dev >> 12) & 0xfff00));
  for (const line of readFileSync('/proc/diskstats', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === major && fields[1] === minor) return Number(fields[9]) * SECTOR_BYTES;
  }
  return undefined;
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

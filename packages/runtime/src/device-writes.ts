import { readFileSync, statSync } from 'node:fs';

const SECTOR_BYTES = 512;

/** What a block device has written since boot. */
export interface DeviceWrites {
  bytes: number;
  /** Requests, after the kernel joined what lay side by side. */
  writes: number;
}

/**
 * Of the block device below `path`, from /proc/diskstats; undefined where the file system has no block device of its own (overlay,
 * tmpfs). `write_bytes` of /proc/PID/io counts whole large folios and is of no use here.
 */
export function deviceWrites(path: string): DeviceWrites | undefined {
  try {
    const { dev } = statSync(path);
    const major = String((dev >> 8) & 0xfff);
    const minor = String((dev & 0xff) | ((dev >> 12) & 0xfff00));
    for (const line of readFileSync('/proc/diskstats', 'utf8').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[0] !== major || fields[1] !== minor) continue;
      return { bytes: Number(fields[9]) * SECTOR_BYTES, writes: Number(fields[7]) };
    }
  } catch {
    return undefined; // no such file system here
  }
  return undefined;
}

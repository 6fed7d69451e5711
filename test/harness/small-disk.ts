import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.ts';

const LAST_BYTES = 16 * 2 ** 20;

/** Makes `dir` a disk of its own, in memory; false where this process may not. */
export function mountSmallDisk(dir: string, sizeMiB: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', dir], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

export function unmount(dir: string): void {
  execFileSync('umount', [dir]);
}

/** Leaves so much free on the disk of `dir`, if it has more; the answer gives it back. */
export async function fillDiskBut(dir: string, leftBytes: number): Promise<() => void> {
  const filler = join(dir, 'filler');
  const { bavail, bsize } = statfsSync(dir);
  await run('fallocate', ['-l', String(Math.max(1, bavail * bsize - leftBytes)), filler]);
  return () => rmSync(filler, { force: true });
}

/** Leaves not a byte free on the disk of `dir`; the answer gives it back. */
export async function fillDisk(dir: string): Promise<() => void> {
  const free = await fillDiskBut(dir, LAST_BYTES);
  const last = join(dir, 'filler.last');
  // It ends when not a byte is free.
  await run('dd', ['if=/dev/zero', `of=${last}`, 'bs=64k']);
  return () => {
    free();
    rmSync(last, { force: true });
  };
}

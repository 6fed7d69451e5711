import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unmount } from '../harness/small-disk.ts';
import { scratchDir } from './scratch.ts';

/** A directory whose block device nobody else writes to. */
export interface OwnDisk {
  readonly dir: string;
  remove(): void;
}

/** ext4 on a loop device, as large as said but for what is never written; undefined where this process may not. */
export function ownDisk(sizeMiB: number): OwnDisk | undefined {
  const parent = scratchDir();
  const [image, dir] = [join(parent, 'disk'), join(parent, 'mounted')];
  const removeFiles = () => rmSync(parent, { recursive: true, force: true });
  try {
    writeFileSync(image, '');
    truncateSync(image, sizeMiB * 2 ** 20);
    mkdirSync(dir);
    // All that mkfs leaves for later would be written while something is measured.
    execFileSync('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
    execFileSync('mount', ['-o', 'loop', image, dir], { stdio: 'pipe' });
  } catch {
    removeFiles();
    return undefined;
  }
  const remove = () => {
    unmount(dir);
    removeFiles();
  };
  return { dir, remove };
}

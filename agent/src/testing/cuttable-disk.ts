import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDir } from '@edgelog/edge/testing/fixture.ts';
import { onTestFinished } from 'vitest';

const DISK_BYTES = 64 * 2 ** 20;
/** EXT4_IOC_SHUTDOWN without flushing the file system's log: from here on nothing reaches the disk, as in a power cut. */
const SHUT_DOWN =
  'open(F, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl(F, 0x8004587D, $how) or die $!';

/** A disk of which the power can be cut: what was not flushed by then is gone. */
export interface CuttableDisk {
  readonly dir: string;
  /** Nothing is written any more, and every write and flush fails. */
  cut(): void;
  /** The power is back: the file system is as its disk has it. Nobody may use it between the two. */
  restore(): void;
}

/** An ext4 of its own in a file; says why where that is not permitted. */
export function cuttableDisk(): CuttableDisk | { refused: string } {
  const base = temporaryDir();
  const [image, dir] = [join(base, 'disk'), join(base, 'mounted')];
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
  const mount = () => run('mount', '-o', 'loop', image, dir);
  try {
    writeFileSync(image, '');
    truncateSync(image, DISK_BYTES);
    mkdirSync(dir);
    run('mkfs.ext4', '-q', '-F', image);
    mount();
  } catch (error) {
    return { refused: (error as Error).message };
  }
  onTestFinished(() => void run('umount', dir));
  return {
    dir,
    cut: () => void run('perl', '-e', SHUT_DOWN, dir),
    restore: () => {
      run('umount', dir);
      mount();
    },
  };
}

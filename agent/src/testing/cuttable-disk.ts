import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDir } from '@edgelog/edge/testing/fixture.ts';
import { onTestFinished } from 'vitest';

const DISK_BYTES = 64 * 2 ** 20;
/** Of the file system that the disk is a file of. */
const OUTER_BYTES = DISK_BYTES + 8 * 2 ** 20;
/** EXT4_IOC_SHUTDOWN without flushing the file system's log: from here on nothing reaches the disk, as in a power cut. */
const SHUT_DOWN =
  'open(F, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl(F, 0x8004587D, $how) or die $!';

/** A file system is busy for a moment longer than the process that was killed in it. */
const BUSY_MS = 100;
const BUSY_TRIES = 300;

/** A disk of which the power can be cut: what was not flushed by then is gone. */
export interface CuttableDisk {
  readonly dir: string;
  /** Nothing is written any more, and every write and flush fails. */
  cut(): void;
  /** The power is back: the file system is as its disk has it. Nobody may use it between the two. */
  restore(): void;
}

/**
 * An ext4 on a disk that is itself a file, of another ext4: that one is shut down, so that the disk fails at once, and what it had not
 * flushed is gone as from a disk's own cache. The file system in use must not be shut down itself: while that goes on
 * Linux answers some fdatasyncs with success whose data is lost (21 times of 199, seen with Linux 6.18). The outer one has no
 * journal, and the disk has all its blocks there: writing to it asks nothing of its file system that could get lost likewise.
 * Says why where that is not permitted.
 */
export function cuttableDisk(): CuttableDisk | { refused: string } {
  const base = temporaryDir();
  const [outerImage, outer, dir] = [join(base, 'outer'), join(base, 'power'), join(base, 'mounted')];
  const disk = join(outer, 'disk');
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });
  const unmount = (mounted: string, triesLeft = BUSY_TRIES): void => {
    try {
      run('umount', mounted);
    } catch (error) {
      if (triesLeft === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
      unmount(mounted, triesLeft - 1);
    }
  };
  const mountOuter = () => run('mount', '-o', 'loop,noatime', outerImage, outer);
  const mount = () => run('mount', '-o', 'loop', disk, dir);
  try {
    writeFileSync(outerImage, '');
    truncateSync(outerImage, OUTER_BYTES);
    mkdirSync(outer);
    mkdirSync(dir);
    run('mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^has_journal', outerImage);
    mountOuter();
    onTestFinished(() => unmount(outer));
    writeFileSync(disk, Buffer.alloc(DISK_BYTES));
    run('mkfs.ext4', '-q', '-F', '-E', 'nodiscard', disk);
    run('sync', '-f', disk);
    mount();
  } catch (error) {
    return { refused: (error as Error).message };
  }
  onTestFinished(() => unmount(dir));
  return {
    dir,
    cut: () => void run('perl', '-e', SHUT_DOWN, outer),
    restore: () => {
      unmount(dir);
      unmount(outer);
      mountOuter();
      mount();
    },
  };
}

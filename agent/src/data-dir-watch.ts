import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';

/** Often enough that little is taken meanwhile. */
const LOOK_MS = 250;

/**
 * Says once when the log's directory was taken away, or another one is in its place: a file that was unlinked takes writes as before,
 * and what devices were told is stored would be gone with the process. Returns what ends the watch.
 */
export function watchDataDir(dir: string, lost: (error: EdgelogError) => void): () => void {
  const segments = join(dir, 'segments');
  const first = placeOf(segments);
  const timer = setInterval(() => {
    const now = placeOf(segments);
    if (now === first || now === 'unknown') return;
    clearInterval(timer);
    const what = now === 'nowhere' ? 'was taken away' : 'was replaced by another one';
    lost(
      new EdgelogError(
        'STORE_FAILED',
        `the data directory ${dir} ${what} while in use; nothing more is taken, since it would be lost`,
      ),
    );
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Device and inode; a disk that does not answer says nothing about the directory. */
function placeOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'nowhere' : `${stat.dev}:${stat.ino}`;
  } catch {
    return 'unknown';
  }
}

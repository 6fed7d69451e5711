import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

const EVERY_MS = 1000;

/**
 * Calls `onChange` when one of the files has become another one or was written: by time, size and inode, which also
 * sees a link that is set to another file, as certificate tools do. A file that is gone is a change too. Begins with
 * the files as they are now; returns what ends it.
 */
export function watchFiles(
  paths: readonly string[],
  onChange: () => void,
  everyMs: number = EVERY_MS,
): () => void {
  let known = paths.map((path) => signatureOf(statSync(path, { throwIfNoEntry: false }))).join();
  let isLooking = false;
  const look = async () => {
    if (isLooking) return;
    isLooking = true;
    const found = await Promise.all(paths.map((path) => stat(path).then(signatureOf, () => '')));
    isLooking = false;
    if (found.join() === known) return;
    known = found.join();
    onChange();
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function signatureOf(stats: Stats | undefined): string {
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}

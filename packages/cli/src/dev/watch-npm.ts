import { readFileSync } from 'node:fs';

const CHECK_MS = 1_000;

/**
 * Calls `onGone` when the npm that started this process is gone: killed with SIGKILL, it tells nobody. Other parents
 * are not watched, since they may mean to leave this process running.
 */
export function watchNpm(onGone: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const before = ancestors();
  return setInterval(() => {
    if (ancestors() !== before) onGone();
  }, CHECK_MS);
}

/** Parent and grandparent: npm runs scripts in a shell, which may or may not stand between. */
function ancestors(): string {
  return `${process.ppid} ${parentOf(process.ppid)}`;
}

function parentOf(pid: number): string {
  try {
    return /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '';
  } catch {
    return '';
  }
}

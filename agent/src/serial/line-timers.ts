import type { LineTimers } from '@edgelog/devices/profiles/decoder.ts';

/**
 * The clock and timers of a line. `ready` is asked before anything runs: bytes that were not read yet may end what it waits
 * for. Node's timers run up to a millisecond early by the clock, which these do not: a silence would be found too short, and
 * nobody would look again.
 */
export function lineTimers(ready: () => boolean): LineTimers {
  const now = () => performance.now();
  return {
    now,
    after(ms, run) {
      const dueMs = now() + ms;
      let timer: NodeJS.Timeout;
      let isCancelled = false;
      const wait = (leftMs: number) => {
        timer = setTimeout(() => {
          const stillMs = dueMs - now();
          if (stillMs > 0) wait(stillMs);
          else if (ready() && !isCancelled) run();
        }, leftMs);
      };
      wait(ms);
      return () => {
        isCancelled = true;
        clearTimeout(timer);
      };
    },
  };
}

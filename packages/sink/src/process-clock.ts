import { randomBytes } from 'node:crypto';
import type { KafkaSinkOptions } from './sink-types.ts';

/** Clocks and timers of this process, and an instance drawn for it. */
export function processClock(): Pick<KafkaSinkOptions, 'timers' | 'now' | 'monotonic' | 'instance'> {
  return {
    timers: {
      after: (ms, run) => {
        const timer = setTimeout(run, ms).unref();
        return () => clearTimeout(timer);
      },
    },
    now: () => Date.now(),
    monotonic: () => performance.now(),
    instance: randomBytes(8).toString('hex'),
  };
}

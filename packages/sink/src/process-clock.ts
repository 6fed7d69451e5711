import { randomBytes } from 'node:crypto';
import { nodeTimers } from '@edgelog/base';
import type { KafkaSinkOptions } from './sink-types.ts';

/** Clocks and timers of this process, and an instance drawn for it. */
export function processClock(): Pick<KafkaSinkOptions, 'timers' | 'now' | 'monotonic' | 'instance'> {
  return {
    timers: nodeTimers,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    instance: randomBytes(8).toString('hex'),
  };
}

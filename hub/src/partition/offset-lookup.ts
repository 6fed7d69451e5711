import type { PartitionLog, TimeLookup } from '@edgelog/log';

/**
 * The first record with the greatest timestamp [KIP-734]. The log answers "at or after"; this gallops up from the timestamp found
 * last, then halves the distance, so it costs a look-up per bit of the range of timestamps.
 */
export function offsetOfMaxTimestamp(log: Pick<PartitionLog, 'offsetForTimestamp'>): TimeLookup | undefined {
  let best = log.offsetForTimestamp(0);
  if (best === undefined) return undefined;
  for (let step = 1; step >= 1; ) {
    const later = log.offsetForTimestamp(best.timestamp + step);
    if (later === undefined) {
      if (step === 1) return best;
      step = Math.floor(step / 2);
    } else {
      best = later;
      step *= 2;
    }
  }
  return best;
}

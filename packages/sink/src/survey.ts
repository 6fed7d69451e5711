import { EdgelogError } from '@edgelog/base';
import type { KnownProducers, PartitionEnds, Place, SinkCluster } from './cluster.ts';
import { SETTLE_MS_MAX } from './limits.ts';
import type { SinkTimers } from './sink-types.ts';

/** What a partition's leader knew, all of it committed since. */
export interface Survey {
  readonly producers: KnownProducers;
  readonly ends: PartitionEnds;
}

const LOOK_AGAIN_MS = 20;

/**
 * Asks the leader what it knows of producers, and waits until all that its log had then is committed: no leader after it knows less. All in
 * one leader epoch, before and after: what it knew of producers is of the log whose end was waited for. Rejects where that does not come
 * about in ten seconds.
 */
export async function survey(
  cluster: Pick<SinkCluster, 'ends' | 'knownProducers'>,
  place: Place,
  { timers, monotonic }: { timers: SinkTimers; monotonic: () => number },
): Promise<Survey> {
  const until = monotonic() + SETTLE_MS_MAX;
  const where = `${place.topic}-${place.partition}`;
  for (;;) {
    const before = await cluster.ends(place);
    const producers = await cluster.knownProducers(place);
    let ends = await cluster.ends(place);
    const { logEndOffset } = ends;
    while (ends.leaderEpoch === before.leaderEpoch && ends.highWatermark < logEndOffset) {
      if (monotonic() >= until) {
        const missing = `offset ${ends.highWatermark} of ${logEndOffset} is committed`;
        throw new EdgelogError('TIMEOUT', `${where}: replicas do not follow, ${missing}`);
      }
      await pause(timers, LOOK_AGAIN_MS);
      ends = await cluster.ends(place);
    }
    if (ends.leaderEpoch === before.leaderEpoch) return { producers, ends };
    if (monotonic() >= until) throw new EdgelogError('TIMEOUT', `${where}: its leader moves all the time`);
  }
}

export function pause(timers: SinkTimers, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}

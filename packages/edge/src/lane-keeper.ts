import type { Stream } from './stream-set.ts';

/** No lane is opened beside a run of which less than this is waiting. */
const BACKLOG_BYTES = 256 * 1024;
/** Runs of one stream that have something to send; each costs the hub a little for ever. */
const LANES_MAX = 8;

/**
 * Opens a lane for fresh readings in every stream of `streams` that has a backlog of more than `ageMs`. Call it when the uplink comes back and every second
 * while it is there: a lane begins where the open batch does, once all before that is on its way to the disk.
 */
export function openLanes(streams: Iterable<Stream>, now: number, ageMs: number): string[] {
  const opened: string[] = [];
  for (const { uplink, state } of streams) {
    if (uplink.lanes >= LANES_MAX) continue;
    const { bytes, since } = uplink.backlog();
    if (bytes < BACKLOG_BYTES || since === undefined || now - since < ageMs) continue;
    if (uplink.openLane()) opened.push(state.topic);
  }
  return opened;
}

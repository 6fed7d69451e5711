// @ts-check
/** @import { Status } from './view.js' */
import { formatAge, formatCount } from '@edgelog/runtime/page/format.js';

/** @typedef {{ readonly level: 'good' | 'warn' | 'bad', readonly word: string, readonly text: string }} Verdict */

/** A hub that acknowledges within this is keeping up. */
const BEHIND_MS = 10_000;

/**
 * The one thing to know first, worst first.
 * @param {Status} status
 * @returns {Verdict}
 */
export function verdictOf({ uplink, streams, disk, alarms, time }) {
  const nowMs = Date.parse(time);
  const backlog = streams.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
  const oldestMs = Math.max(0, ...streams.map(({ oldestUnackedMs }) => oldestUnackedMs));
  const isKafka = uplink.url?.startsWith('kafka') === true;
  const hub = isKafka ? 'Kafka' : 'The hub';
  const waits = backlog === 0 ? 'Nothing waits here.' : `${formatCount(backlog)} records wait here, on disk.`;
  if (alarms.some(({ name }) => name === 'store failed'))
    return { level: 'bad', word: 'failed', text: 'The disk failed: nothing is taken any more.' };
  if (disk.isFull)
    return { level: 'bad', word: 'full', text: `Devices are refused until a hub has taken data. ${waits}` };
  if (uplink.refusal?.code === 'duplicate-instance')
    return {
      level: 'bad',
      word: 'clone refused',
      text: `Another gateway is live under this name: give one of the two another. ${waits}`,
    };
  if (uplink.state === 'refused')
    return {
      level: 'bad',
      word: 'refused',
      text: `${hub} refuses this gateway: ${uplink.lastError ?? 'it does not say why'}. ${waits}`,
    };
  if (streams.some((one) => one.uplink === 'refused'))
    return { level: 'bad', word: 'stream refused', text: `${hub} refuses a stream. ${waits}` };
  if (uplink.state === 'paused')
    return {
      level: 'warn',
      word: 'uplink cut',
      text: `Cut by hand ${formatAge(uplink.since, nowMs)}. ${waits}`,
    };
  if (uplink.state !== 'live')
    return {
      level: 'warn',
      word: 'offline',
      text: `${isKafka ? 'Kafka cannot' : 'No hub can'} be reached. Readings are taken as always. ${waits}`,
    };
  if (oldestMs > BEHIND_MS) return { level: 'warn', word: 'catching up', text: waits };
  return { level: 'good', word: 'online', text: backlog === 0 ? waits : `${hub} keeps up.` };
}

// @ts-check
/** @import { Status } from './view.js' */
import { formatCount } from '@edgelog/runtime/page/format.js';

/**
 * What happens in a second, from two answers of /status. `perSecond` of a stream: records that came, and that a hub acknowledged.
 * @typedef {{ readonly came: number, readonly left: number }} Rate
 * @typedef {{ readonly streams: ReadonlyMap<string, Rate>, readonly came: number, readonly left: number }} Rates
 */

/** @type {readonly (readonly [string, number])[]} */
const UNITS = [
  ['s', 1],
  ['min', 60],
  ['h', 3600],
];

/** A rate over less time jumps about. */
const LEAST_MS = 1500;

/**
 * Null until there are two answers far enough apart.
 * @param {Status} before
 * @param {Status} now
 * @param {number} elapsedMs Between the two.
 * @returns {Rates | null}
 */
export function ratesOf(before, now, elapsedMs) {
  if (elapsedMs < LEAST_MS || before.instance !== now.instance) return null;
  const earlier = new Map(before.streams.map((one) => [one.topic, one]));
  /** @type {Map<string, Rate>} */
  const streams = new Map();
  let came = 0;
  let left = 0;
  for (const { topic, endOffset, ackedOffset } of now.streams) {
    const known = earlier.get(topic) ?? { endOffset: 0, ackedOffset: 0 };
    const rate = {
      came: perSecond(endOffset - known.endOffset, elapsedMs),
      left: perSecond(ackedOffset - known.ackedOffset, elapsedMs),
    };
    streams.set(topic, rate);
    came += rate.came;
    left += rate.left;
  }
  return { streams, came, left };
}

/**
 * @param {number} count
 * @param {number} elapsedMs
 */
function perSecond(count, elapsedMs) {
  return Math.max(0, (count * 1000) / elapsedMs);
}

/** @param {number | undefined} rate */
export function formatRate(rate) {
  if (rate === undefined) return '–';
  if (rate === 0) return '0/s';
  // Most devices speak once in a while.
  for (const [unit, seconds] of UNITS) {
    const count = rate * seconds;
    if (count >= 0.95) return `${count >= 9.95 ? formatCount(count) : count.toFixed(1)}/${unit}`;
  }
  return '< 1/h';
}

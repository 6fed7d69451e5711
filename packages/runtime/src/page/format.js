// @ts-check

/** What is not known. */
const UNKNOWN = '–';

/** @param {number | null | undefined} value */
export function formatCount(value) {
  return value == null ? UNKNOWN : Math.round(value).toLocaleString('en-US');
}

/** @param {number | null | undefined} bytes */
export function formatBytes(bytes) {
  if (bytes == null) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** @param {number | null | undefined} ms */
export function formatDuration(ms) {
  if (ms == null) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/**
 * How long ago.
 * @param {number | null | undefined} atMs
 * @param {number} nowMs
 */
export function formatAge(atMs, nowMs) {
  if (atMs == null) return UNKNOWN;
  return nowMs - atMs < 1000 ? 'now' : `${formatDuration(nowMs - atMs)} ago`;
}

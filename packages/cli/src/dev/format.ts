/** `–` stands for what is not known. */
const UNKNOWN = '–';

export function formatCount(value: number | undefined): string {
  return value === undefined ? UNKNOWN : Math.round(value).toLocaleString('en-US');
}

export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return `${UNKNOWN}/s`;
  return `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(perSecond)}/s`;
}

export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Full height stands for at least this much, so that a few records on their way do not look like a mountain. */
const FULL_HEIGHT_MIN = 200;

/** The newest `width` values as bars, the greatest of them full height. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(FULL_HEIGHT_MIN, ...shown);
  return shown.map((value) => BARS[Math.round((value / top) * (BARS.length - 1))]).join('');
}

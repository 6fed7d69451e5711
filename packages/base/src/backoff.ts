export interface BackoffLimits {
  minMs: number;
  maxMs: number;
}

/** Wait before try number `attempt` (from 0): doubles from `minMs` to `maxMs`, then anything from half of that to all. `random` in [0, 1). */
export function backoffMs(attempt: number, { minMs, maxMs }: BackoffLimits, random: number): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return Math.round(full / 2 + (full / 2) * random);
}

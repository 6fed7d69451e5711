import { readFileSync } from 'node:fs';
import type { TestProcess } from '../harness/process.ts';

/** USER_HZ of Linux, whatever its own tick. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time, user and system, that a process has used since it began; its ended children apart. */
export function cpuSeconds({ pid }: Pick<TestProcess, 'pid'>): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = fields.slice(11, 13).map(Number);
  return (user! + system!) / TICKS_PER_SECOND;
}

/** The load average of the last minute: what else the machine was doing. */
export function loadAverage(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}

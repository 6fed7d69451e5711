import { median } from '../bench/report.ts';
import type { Injury } from './run.ts';

/** What was measured, a row for each kind of fault. */
export function faultTable(injuries: readonly Injury[]): string[][] {
  const kinds = [...new Set(injuries.map(({ fault }) => fault))].toSorted();
  return kinds.map((kind) => {
    const some = injuries.filter(({ fault }) => fault === kind);
    const both = (pick: (injury: Injury) => number): string[] => {
      const values = some.map((injury) => pick(injury) / 1000);
      return [median(values).toFixed(1), Math.max(...values).toFixed(1)];
    };
    return [
      kind,
      String(some.length),
      ...both(({ outageMs }) => outageMs),
      ...both(({ recoveredMs }) => recoveredMs),
    ];
  });
}

export const FAULT_HEAD = [
  'fault',
  'times',
  'not available, s: median',
  'longest',
  'in sync again, s: median',
  'longest',
];

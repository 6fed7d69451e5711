/** Which works of a bench are done. */
export const KINDS = [
  ...(['all', 'produce', 'consume', 'acknowledge'] as const),
  ...(['load', 'flash', 'backlog', 'uplink', 'sessions'] as const),
];

export interface BenchOptions {
  /** Multiplies the amounts of work. */
  scale: number;
  /** How often each work is done; the table shows medians. */
  rounds: number;
  only: (typeof KINDS)[number];
  /** Of batches that agents and their peers seal, where it is the bench's to say. */
  batchKib: number;
  /** Measure once more under the profiler and print where the time goes. */
  profile: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Prints a Markdown table that is also readable as it is. */
export function printTable(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  console.log(`${title}\n\n${line(head)}\n| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  for (const row of rows) console.log(line(row));
  console.log('');
}

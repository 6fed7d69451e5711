/** Offsets [from, to) of a gateway's log that it declared lost. */
export interface DeclaredGap {
  topic: string;
  from: number;
  to: number;
  reason: string;
}

export interface GapCheck {
  /** `CLIENT:SEQUENCE…` of all that was read, in the order of the log. */
  labels: readonly string[];
  gaps: readonly DeclaredGap[];
  /** One past the last offset of the gateway's log. */
  endOffset: number;
  /** Per client the sequences that were acknowledged to it, ascending. */
  acked: ReadonlyMap<string, readonly number[]>;
}

/**
 * What is wrong, in sentences: each offset of the gateway's log has to be read or in just one gap, each client's messages in the order
 * it sent them, and what was acknowledged and is not there has to be where a gap is large enough for it.
 */
export function checkGaps({ labels, gaps, endOffset, acked }: GapCheck): string[] {
  const problems: string[] = [];
  const ordered = [...gaps].sort((a, b) => a.from - b.from);
  ordered.forEach(({ from, to, reason }, i) => {
    const before = ordered[i - 1];
    if (reason !== 'dropped') problems.push(`gap ${from} … ${to} is declared as ${reason}`);
    if (from >= to || to > endOffset || (before !== undefined && from < before.to))
      problems.push(`gap ${from} … ${to} is empty, beyond ${endOffset} or overlaps another`);
  });
  const declared = ordered.reduce((sum, { from, to }) => sum + to - from, 0);
  if (labels.length + declared !== endOffset)
    problems.push(`${labels.length} read and ${declared} declared lost, the gateway took ${endOffset}`);

  const placed = new Map<string, { sequence: number; offset: number }[]>();
  let offset = 0;
  let next = 0;
  for (const label of labels) {
    for (; ordered[next] !== undefined && ordered[next]!.from <= offset; next++)
      offset = Math.max(offset, ordered[next]!.to);
    const [client, text] = label.split(':') as [string, string];
    const sequence = Number(text);
    const places = placed.get(client) ?? [];
    placed.set(client, places);
    const last = places.at(-1);
    if (last !== undefined && sequence <= last.sequence)
      problems.push(`${client}:${sequence} came after ${client}:${last.sequence}`);
    places.push({ sequence, offset: offset++ });
  }
  const lostWithin = (from: number, to: number): number =>
    ordered.reduce((sum, gap) => sum + Math.max(0, Math.min(to, gap.to) - Math.max(from, gap.from)), 0);
  for (const [client, sequences] of acked) {
    const places = [...(placed.get(client) ?? []), { sequence: Number.POSITIVE_INFINITY, offset: endOffset }];
    const there = new Set(places.map(({ sequence }) => sequence));
    const missing = sequences.filter((sequence) => !there.has(sequence));
    let before = { sequence: -1, offset: -1 };
    let from = 0;
    for (const place of places) {
      const until = missing.findIndex((sequence, i) => i >= from && sequence > place.sequence);
      const count = (until < 0 ? missing.length : until) - from;
      const room = lostWithin(before.offset + 1, place.offset);
      if (count > room)
        problems.push(
          `${count} messages of ${client} from ${missing[from]} on were acknowledged and are lost, declared there are ${room}`,
        );
      from += count;
      before = place;
    }
  }
  return problems;
}

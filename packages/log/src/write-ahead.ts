import { EdgelogError } from '@edgelog/base';
import { Journal } from './journal.ts';
import { parseRows } from './journal-group.ts';
import { journalKey } from './keys.ts';
import { decodeNumber, encodeNumber } from './rows.ts';
import type { RowWrite, Segment } from './segment.ts';

/**
 * How commits reach the disk. A small one is durable in the journal and goes to its segment later, together with many others;
 * any other goes to its segment at once, together with all that waits there. Every commit has a number, and each
 * transaction of a segment says up to which number it has everything.
 */
export class WriteAhead {
  #journal: Journal | undefined;
  #number: number;
  #acknowledged: number;
  /** Resolves when all transactions begun so far are on disk. */
  #applied: Promise<void> = Promise.resolve();
  readonly #fail: (error: unknown) => void;

  readonly #isUsed: boolean;

  /** `number` is that of the last commit before this. Where there will be no journal, commits are not numbered. */
  constructor(number: number, isUsed: boolean, fail: (error: unknown) => void) {
    this.#number = number;
    this.#acknowledged = number;
    this.#isUsed = isUsed;
    this.#fail = fail;
  }

  /** From now on small commits go to the journal. */
  use(journal: Journal): void {
    this.#journal = journal;
  }

  /** What the journal takes on disk. */
  get journalBytes(): number {
    return this.#journal?.sizeBytes ?? 0;
  }

  get journalWrittenBytes(): number {
    return this.#journal?.writtenBytes ?? 0;
  }

  /** Number of the last commit. */
  get number(): number {
    return this.#number;
  }

  /** Whoever waited for this commit and those before it has been told: from now on each group in the journal vouches for them. */
  acknowledged(number: number): void {
    this.#acknowledged = number;
  }

  /** Resolves when the rows are on disk; they can be read from the segment at once. Its buffers may be used again then. */
  commit(segment: Segment, rows: readonly RowWrite[]): Promise<void> {
    const commit = { number: this.#number + 1, segmentId: segment.id, acknowledged: this.#acknowledged };
    const journaled = this.#journal?.append(commit, rows);
    if (journaled === undefined) return this.commitDirectly(segment, rows);
    if (journaled.isFirst) this.drain(segment).catch(this.#fail);
    this.#number++;
    segment.held.add(journaled.rows);
    return journaled.durable;
  }

  /** As `commit`, never through the journal. */
  commitDirectly(segment: Segment, rows: readonly RowWrite[]): Promise<void> {
    this.#number++;
    return this.#apply(segment, rows);
  }

  /** Resolves when everything committed to this segment is in it, on disk. */
  drain(segment: Segment): Promise<void> {
    return segment.held.isWaiting ? this.#apply(segment, []) : this.#applied;
  }

  async close(segment: Segment): Promise<void> {
    await this.drain(segment);
    this.#journal?.close();
  }

  /** Writes what waits for the segment, and `rows`, as one transaction that completes it up to the last commit. */
  #apply(segment: Segment, rows: readonly RowWrite[]): Promise<void> {
    if (!this.#isUsed) return segment.write(rows);
    const number = this.#number;
    const taken = segment.held.take();
    const written = segment.write([...taken.rows, ...rows, [journalKey(), encodeNumber(number)]]);
    const earlier = this.#applied;
    this.#applied = (async () => {
      await written;
      await earlier;
      taken.release();
      this.#journal?.release(number);
    })();
    this.#applied.catch(() => {}); // whoever called this hears of it
    return this.#applied;
  }
}

/**
 * Brings a segment that was just opened up to what the journal in `dir` has of it: the commits that follow, one after the
 * other, on the last one in the segment. Resolves with the number of the last commit that left any trace. Throws CORRUPT_BATCH
 * when one is missing that was acknowledged.
 */
export async function replayJournal(dir: string, segment: Segment): Promise<number> {
  const row = segment.get(journalKey());
  const groups = Journal.read(dir);
  let last = 0;
  for (const number of groups.keys()) last = Math.max(last, number);
  // Without a row it was begun by a store that used no journal: what is there is older.
  const applied = row === undefined ? last : decodeNumber(row);
  const rows: RowWrite[] = [];
  let next = applied + 1;
  for (; groups.get(next)?.segmentId === segment.id; next++) {
    rows.push(...parseRows(groups.get(next)!.body));
  }
  for (const { acknowledged } of groups.values()) {
    if (acknowledged >= next)
      throw new EdgelogError(
        'CORRUPT_BATCH',
        `commit ${next}, which was acknowledged, cannot be read in the journal ${dir}`,
      );
  }
  last = Math.max(last, applied);
  if (last > applied) await segment.write([...rows, [journalKey(), encodeNumber(last)]]);
  return last;
}

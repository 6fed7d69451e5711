import { JoinArena, VALUE_BYTES_MAX } from './join-arena.ts';
import { parseValueKey, RowKind, type ValueKey, valueKey } from './keys.ts';
import type { RowWrite } from './segment.ts';

interface HeldValue {
  key: ValueKey;
  value: Buffer;
  row: RowWrite;
}

/** What is taken for one transaction. */
export interface TakenRows {
  rows: RowWrite[];
  /** Lets go of them: their segment has them now. */
  release(): void;
}

/**
 * Rows that are in the journal and not in their segment yet. Values can be found meanwhile; they lie behind all that the
 * segment has of their partition. Of other rows only the last of each key is kept, and nobody reads them before recovery.
 */
export class HeldRows {
  readonly #values = new Map<number, HeldValue[]>();
  readonly #arena = new JoinArena();
  /** Values that nobody has taken, of each partition. */
  #waitingValues = new Map<number, HeldValue[]>();
  #waitingRows = new Map<string, RowWrite>();
  #taken = 0;

  get isEmpty(): boolean {
    return this.#taken === 0 && !this.isWaiting;
  }

  /** True when there are rows that nobody has taken. */
  get isWaiting(): boolean {
    return this.#waitingValues.size > 0 || this.#waitingRows.size > 0;
  }

  add(rows: readonly RowWrite[]): void {
    for (const row of rows) {
      const [key, value] = row;
      if (key[0] !== RowKind.value || value === undefined) {
        this.#waitingRows.set(key.toString('latin1'), row);
        continue;
      }
      const partitionId = key.readUInt32BE(1);
      const held = { key: parseValueKey(key)!, value, row };
      append(this.#values, partitionId, held);
      append(this.#waitingValues, partitionId, held);
    }
  }

  /** Everything that was not taken before, to be written to the segment; values that follow each other are joined. */
  take(): TakenRows {
    const values = this.#waitingValues;
    const rows = [...this.#waitingRows.values()];
    for (const [partitionId, list] of values) rows.push(...this.#joined(partitionId, list));
    this.#waitingValues = new Map();
    this.#waitingRows = new Map();
    this.#taken++;
    const freeMemory = this.#arena.endCommit();
    const release = (): void => {
      this.#taken--;
      freeMemory();
      for (const [partitionId, { length }] of values) {
        const list = this.#values.get(partitionId)!;
        if (length === list.length) this.#values.delete(partitionId);
        else list.splice(0, length);
      }
    };
    return { rows, release };
  }

  *#joined(partitionId: number, list: readonly HeldValue[]): Generator<RowWrite> {
    for (let from = 0, to = 0; from < list.length; from = to) {
      const first = list[from]!;
      let last = first;
      let sizeBytes = first.value.length;
      for (to = from + 1; to < list.length; to++) {
        const next = list[to]!;
        if (sizeBytes + next.value.length > VALUE_BYTES_MAX || !follows(next.key, last.key)) break;
        sizeBytes += next.value.length;
        last = next;
      }
      if (last === first) {
        yield first.row;
        continue;
      }
      const { baseOffset, bytesBefore } = first.key;
      const parts = list.slice(from, to).map(({ value }) => value);
      const key = valueKey(partitionId, { ...last.key, baseOffset, bytesBefore });
      yield [key, this.#arena.join(parts, sizeBytes)];
    }
  }

  /** As in `SegmentReader`. */
  floor(partitionId: number, offset: number): ValueKey | undefined {
    const list = this.#values.get(partitionId);
    return list?.[indexAfter(list, offset) - 1]?.key;
  }

  /** As in `SegmentReader`. */
  after(partitionId: number, offset: number): ValueKey | undefined {
    const list = this.#values.get(partitionId);
    return list?.[indexAfter(list, offset)]?.key;
  }

  value(partitionId: number, { baseOffset }: ValueKey): Buffer | undefined {
    const list = this.#values.get(partitionId);
    const held = list?.[indexAfter(list, baseOffset) - 1];
    return held?.key.baseOffset === baseOffset ? held.value : undefined;
  }
}

function append(lists: Map<number, HeldValue[]>, partitionId: number, held: HeldValue): void {
  const list = lists.get(partitionId);
  if (list === undefined) lists.set(partitionId, [held]);
  else list.push(held);
}

function follows(next: ValueKey, { endOffset, leaderEpoch }: ValueKey): boolean {
  return next.baseOffset === endOffset && next.leaderEpoch === leaderEpoch;
}

/** Index of the first value that begins after `offset`. */
function indexAfter(list: readonly HeldValue[], offset: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.key.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

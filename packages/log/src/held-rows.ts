import { parseValueKey, RowKind, type ValueKey } from './keys.ts';
import type { RowWrite } from './segment.ts';

interface HeldValue {
  key: ValueKey;
  value: Buffer;
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
  #waitingValues: RowWrite[] = [];
  #waitingRows = new Map<string, RowWrite>();
  #taken = 0;

  get isEmpty(): boolean {
    return this.#taken === 0 && !this.isWaiting;
  }

  /** True when there are rows that nobody has taken. */
  get isWaiting(): boolean {
    return this.#waitingValues.length > 0 || this.#waitingRows.size > 0;
  }

  add(rows: readonly RowWrite[]): void {
    for (const row of rows) {
      const [key, value] = row;
      if (key[0] !== RowKind.value || value === undefined) {
        this.#waitingRows.set(key.toString('latin1'), row);
        continue;
      }
      this.#waitingValues.push(row);
      const partitionId = key.readUInt32BE(1);
      const held = { key: parseValueKey(key)!, value };
      const list = this.#values.get(partitionId);
      if (list === undefined) this.#values.set(partitionId, [held]);
      else list.push(held);
    }
  }

  /** Everything that was not taken before, to be written to the segment. */
  take(): TakenRows {
    const values = this.#waitingValues;
    const rows = [...this.#waitingRows.values(), ...values];
    this.#waitingValues = [];
    this.#waitingRows = new Map();
    this.#taken++;
    const release = (): void => {
      this.#taken--;
      const counts = new Map<number, number>();
      for (const [key] of values) {
        const partitionId = key.readUInt32BE(1);
        counts.set(partitionId, (counts.get(partitionId) ?? 0) + 1);
      }
      for (const [partitionId, count] of counts) {
        const list = this.#values.get(partitionId)!;
        if (count === list.length) this.#values.delete(partitionId);
        else list.splice(0, count);
      }
    };
    return { rows, release };
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

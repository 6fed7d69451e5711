interface Entry<T> {
  readonly at: number;
  readonly order: number;
  readonly item: T;
}

/** What is due at some time, the earliest first; of what is due at the same time, what was pushed first. A binary heap. */
export class DueQueue<T> {
  readonly #heap: Entry<T>[] = [];
  #order = 0;

  /** The next, which stays in the queue. */
  get first(): { readonly at: number; readonly item: T } | undefined {
    return this.#heap[0];
  }

  push(at: number, item: T): void {
    const heap = this.#heap;
    heap.push({ at, order: this.#order++, item });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (isSooner(heap[parent]!, heap[i]!)) break;
      swap(heap, i, parent);
      i = parent;
    }
  }

  /** Takes the first away. */
  pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && isSooner(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isSooner(heap[right]!, heap[least]!)) least = right;
      if (least === i) return;
      swap(heap, i, least);
      i = least;
    }
  }
}

const isSooner = <T>(a: Entry<T>, b: Entry<T>) => a.at < b.at || (a.at === b.at && a.order < b.order);

function swap<T>(heap: Entry<T>[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b]!, heap[a]!];
}

/** A wake-up that was asked for. */
export interface Alarm {
  readonly at: number;
  readonly groupId: string;
}

/** Alarms by time: a binary heap, at most a few per group, never one per member. */
export class AlarmHeap {
  readonly #heap: Alarm[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get nextAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  add(alarm: Alarm): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(alarm);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= alarm.at) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = alarm;
  }

  /** Takes out the earliest alarm that is due at `now`. */
  takeDue(now: number): Alarm | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sinkFromTop(last);
    return first;
  }

  #sinkFromTop(alarm: Alarm): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= alarm.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = alarm;
  }
}

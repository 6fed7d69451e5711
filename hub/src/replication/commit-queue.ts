import type { ErrorName } from '@edgelog/wire';

interface Waiting {
  readonly endOffset: number;
  readonly resolve: (outcome: ErrorName) => void;
}

/** Those who wait until everything below an offset is committed, in order of the offsets. */
export class CommitQueue {
  #waiting: Waiting[] = [];
  /** Those before it are answered. */
  #first = 0;

  get size(): number {
    return this.#waiting.length - this.#first;
  }

  add(endOffset: number, resolve: (outcome: ErrorName) => void): void {
    const waiting = this.#waiting;
    let at = waiting.length;
    // Only a batch that was sent again can wait for less than the last one does.
    while (at > this.#first && waiting[at - 1]!.endOffset > endOffset) at -= 1;
    if (at === waiting.length) waiting.push({ endOffset, resolve });
    else waiting.splice(at, 0, { endOffset, resolve });
  }

  /** Answers those who wait for nothing at or above `highWatermark`. */
  answerBelow(highWatermark: number, outcome: ErrorName): void {
    const waiting = this.#waiting;
    while (this.#first < waiting.length && waiting[this.#first]!.endOffset <= highWatermark)
      waiting[this.#first++]!.resolve(outcome);
    if (this.#first === waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    } else if (this.#first > 1_024) {
      this.#waiting = waiting.slice(this.#first);
      this.#first = 0;
    }
  }

  answerAll(outcome: ErrorName): void {
    this.answerBelow(Number.POSITIVE_INFINITY, outcome);
  }
}

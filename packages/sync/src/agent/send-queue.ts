/** What decides whose turn it is. */
export interface Ranked {
  /** Higher goes first. */
  readonly priority: number;
  /** Within a priority what is fresh goes before what piled up. */
  readonly isBacklog: boolean;
}

interface Rank<T extends Ranked> extends Ranked {
  /** In the order in which they came. */
  waiting: { item: T; since: number }[];
}

/** Of so many turns one goes to whoever has waited longest, whatever its rank. */
export const TURNS_PER_LONGEST_WAIT = 8;

/**
 * Who sends next: the best rank that has something to send, within it in turn; but one turn of eight goes to whoever has waited
 * longest, so that nobody starves. Who holds its turn, waiting for credit, keeps it: others passing it for ever
 * would starve it, and what it waits for is on its way.
 */
export class SendQueue<T extends Ranked> {
  /** Best first; empty ones stay, there are few. */
  readonly #ranks: Rank<T>[] = [];
  #arrivals = 0;
  #turns = 0;
  #held: T | undefined;

  /** At the end of its rank. */
  add(item: T): void {
    this.#rankOf(item).waiting.push({ item, since: this.#arrivals++ });
  }

  /** Back where it came from: its turn is not over. */
  hold(item: T): void {
    this.#rankOf(item).waiting.unshift({ item, since: -1 });
    this.#held = item;
  }

  remove(item: T): void {
    const rank = this.#rankOf(item);
    rank.waiting = rank.waiting.filter((other) => other.item !== item);
    if (this.#held === item) this.#held = undefined;
  }

  /** Whose turn it is among those of `leastPriority` and above. */
  next(leastPriority: number): T | undefined {
    if (this.#held !== undefined && this.#held.priority >= leastPriority) return this.#held;
    let best: { item: T; since: number } | undefined;
    let longest: { item: T; since: number } | undefined;
    for (const { priority, waiting } of this.#ranks) {
      const first = waiting[0];
      if (first === undefined || priority < leastPriority) continue;
      best ??= first;
      if (longest === undefined || first.since < longest.since) longest = first;
    }
    const isForLongest = (this.#turns + 1) % TURNS_PER_LONGEST_WAIT === 0;
    return (isForLongest ? longest : best)?.item;
  }

  /** Whether somebody waits, and what is of this rank would go before them all. */
  isPassedBy({ priority, isBacklog }: Ranked): boolean {
    const best = this.#ranks.find(({ waiting }) => waiting.length > 0);
    if (best === undefined) return false;
    return priority === best.priority ? best.isBacklog && !isBacklog : priority > best.priority;
  }

  /** `item`, which is `next`, has its turn now. */
  take(item: T): void {
    const { waiting } = this.#rankOf(item);
    if (waiting[0]?.item === item) waiting.shift();
    if (this.#held === item) this.#held = undefined;
    else this.#turns++;
  }

  #rankOf({ priority, isBacklog }: T): Rank<T> {
    const at = this.#ranks.findIndex(
      (rank) => rank.priority < priority || (rank.priority === priority && (rank.isBacklog || !isBacklog)),
    );
    const found = this.#ranks[at];
    if (found?.priority === priority && found.isBacklog === isBacklog) return found;
    const rank: Rank<T> = { priority, isBacklog, waiting: [] };
    this.#ranks.splice(at < 0 ? this.#ranks.length : at, 0, rank);
    return rank;
  }
}

import type { Prng } from '../prng.ts';
import type { Scheduler } from '../scheduler.ts';

/** Anything with an address. What is delivered runs in its own good time: a paused process later, a dead one never. */
export interface Node {
  readonly name: string;
  run(action: () => void): void;
}

/** Single messages, each with a delay of its own, so that they overtake one another unless order is asked for; ways that are cut swallow them. */
export class SimNetwork {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #delayMsMax: number;
  readonly #cut = new Set<string>();
  /** When the last of the messages that keep their order arrives, by way. */
  readonly #arrivals = new Map<string, number>();

  constructor(scheduler: Scheduler, prng: Prng, delayMsMax: number) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#delayMsMax = delayMsMax;
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  reaches(from: string, to: string): boolean {
    return !this.#cut.has(`${from}>${to}`);
  }

  /** `reply` is called once: with the answer, or with undefined when none came in time. */
  request<A>(
    from: Node,
    to: Node,
    work: (answer: (answer: A) => void) => void,
    reply: (answer: A | undefined) => void,
    timeoutMs: number,
    order: 'any order' | 'in order' = 'any order',
  ): void {
    let isOver = false;
    const end = (answer: A | undefined): void => {
      from.run(() => {
        if (isOver) return;
        isOver = true;
        reply(answer);
      });
    };
    this.#scheduler.after(timeoutMs, () => end(undefined));
    this.#deliver(from, to, order, () =>
      to.run(() => work((answer) => this.#deliver(to, from, order, () => end(answer)))),
    );
  }

  #deliver(from: Node, to: Node, order: 'any order' | 'in order', action: () => void): void {
    const isSent = this.reaches(from.name, to.name);
    const way = `${from.name}>${to.name}`;
    const now = this.#scheduler.now();
    let at = now + this.#prng.between(0, this.#delayMsMax);
    if (order === 'in order') {
      at = Math.max(at, this.#arrivals.get(way) ?? 0);
      this.#arrivals.set(way, at);
    }
    this.#scheduler.after(at - now, () => {
      if (isSent && this.reaches(from.name, to.name)) action();
    });
  }
}

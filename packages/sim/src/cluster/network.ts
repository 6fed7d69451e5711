import type { Prng } from '../prng.ts';
import type { Scheduler } from '../scheduler.ts';

/** Anything with an address. What is delivered runs in its own good time: a paused process later, a dead one never. */
export interface Node {
  readonly name: string;
  run(action: () => void): void;
}

/** Single messages, each with a delay of its own, so that they overtake one another; ways that are cut swallow them. */
export class SimNetwork {
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #delayMsMax: number;
  readonly #cut = new Set<string>();

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
    this.#deliver(from, to, () => to.run(() => work((answer) => this.#deliver(to, from, () => end(answer)))));
  }

  #deliver(from: Node, to: Node, action: () => void): void {
    const isSent = this.reaches(from.name, to.name);
    this.#scheduler.after(this.#prng.between(0, this.#delayMsMax), () => {
      if (isSent && this.reaches(from.name, to.name)) action();
    });
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/** A broker that contradicts itself is not asked more often for the same topic. */
const AGAIN_MS = 100;

/** Names that are asked for while a question is under way go into the next one, together. */
export class RefreshRounds {
  readonly #ask: (names: readonly string[]) => Promise<void>;
  /** When a topic was last asked for, by performance.now(). */
  readonly #askedAtMs = new Map<string, number>();
  #next: { names: Set<string>; done: Promise<void> } | undefined;
  #underWay: Promise<void> = Promise.resolve();

  constructor(ask: (names: readonly string[]) => Promise<void>) {
    this.#ask = ask;
  }

  /** Resolves after a question that was sent after this call, and contained the name. */
  refresh(name: string): Promise<void> {
    if (this.#next !== undefined) {
      this.#next.names.add(name);
      return this.#next.done;
    }
    const names = new Set([name]);
    const done = this.#underWay.then(() => this.#round(names));
    this.#next = { names, done };
    this.#underWay = done.catch(() => {});
    return done;
  }

  async #round(names: Set<string>): Promise<void> {
    const last = Math.max(
      ...Array.from(names, (name) => this.#askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY),
    );
    const waitMs = last + AGAIN_MS - performance.now();
    if (waitMs > 0) await delay(waitMs);
    this.#next = undefined;
    const nowMs = performance.now();
    for (const [name, atMs] of this.#askedAtMs) if (nowMs - atMs > AGAIN_MS) this.#askedAtMs.delete(name);
    for (const name of names) this.#askedAtMs.set(name, nowMs);
    await this.#ask([...names]);
  }
}

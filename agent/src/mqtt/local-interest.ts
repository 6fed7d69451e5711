import type { Aedes } from 'aedes';
import { internalsOf } from './aedes-internals.ts';

/** Topics whose answer is kept. */
const KNOWN_MAX = 10_000;

/**
 * Knows which topics have a local subscriber, connected or with a persistent session: only those messages pass through
 * aedes. A topic that was never asked for is taken to have one, until the persistence has answered.
 */
export class LocalInterest {
  readonly #persistence: ReturnType<typeof internalsOf>['persistence'];
  /** Filters of connected subscribers, and of how many. */
  readonly #filters = new Map<string, number>();
  readonly #known = new Map<string, boolean>();
  /** Of subscriptions: an answer from before a change is not kept. */
  #changes = 0;

  constructor(broker: Aedes) {
    const { mq, persistence } = internalsOf(broker);
    this.#persistence = persistence;
    const { on, removeListener } = mq;
    mq.on = (filter, ...rest) => {
      this.#count(filter, 1);
      return on.call(mq, filter, ...rest);
    };
    mq.removeListener = (filter, ...rest) => {
      this.#count(filter, -1);
      return removeListener.call(mq, filter, ...rest);
    };
    const { addSubscriptions, removeSubscriptions, cleanSubscriptions } = persistence;
    persistence.addSubscriptions = (...args) => this.#whenDone(addSubscriptions.apply(persistence, args));
    persistence.removeSubscriptions = (...args) =>
      this.#whenDone(removeSubscriptions.apply(persistence, args));
    persistence.cleanSubscriptions = (...args) => this.#whenDone(cleanSubscriptions.apply(persistence, args));
  }

  has(topic: string): boolean {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    this.#learn(topic);
    // A persistence that has it all in memory answers at once.
    return this.#known.get(topic) ?? true;
  }

  #learn(topic: string): void {
    const changes = this.#changes;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#persistence.subscriptionsByTopic(topic).then(
      (subscriptions) => {
        if (changes !== this.#changes) return;
        const isHeard = [...this.#filters.keys()].some((filter) => matches(filter, topic));
        this.#known.set(topic, isHeard || subscriptions.length > 0);
      },
      () => {}, // a persistence that cannot answer leaves the topic to aedes, which reports it
    );
  }

  #count(filter: string, by: 1 | -1): void {
    const count = (this.#filters.get(filter) ?? 0) + by;
    if (count > 0) this.#filters.set(filter, count);
    else this.#filters.delete(filter);
    this.#forget();
  }

  #whenDone<T>(change: Promise<T>): Promise<T> {
    this.#forget();
    return change.finally(() => this.#forget());
  }

  #forget(): void {
    this.#changes++;
    this.#known.clear();
  }
}

/** Whether a topic filter matches a topic [MQTT-4.7]. That wildcards do not match `$…` is for aedes to tell. */
export function matches(filter: string, topic: string): boolean {
  const parts = filter.split('/');
  const levels = topic.split('/');
  for (const [i, part] of parts.entries()) {
    if (part === '#') return true;
    if (i >= levels.length || (part !== '+' && part !== levels[i])) return false;
  }
  return parts.length === levels.length;
}

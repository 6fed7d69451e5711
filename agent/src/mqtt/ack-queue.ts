type Callback = (error?: Error | null) => void;

interface AckGroup {
  durable: Promise<void>;
  callbacks: Callback[];
  /** Undefined while it waits. */
  outcome: { error: Error | null } | undefined;
}

/**
 * Acknowledgements of one connection, in the order its packets came [MQTT-4.6.0-2], each once its reading is durable.
 * Readings of one turn share a promise, so a group waits once.
 */
export class AckQueue {
  readonly #groups: AckGroup[] = [];

  get isIdle(): boolean {
    return this.#groups.length === 0;
  }

  push(durable: Promise<void>, callback: Callback): void {
    const last = this.#groups.at(-1);
    if (last?.durable === durable && last.outcome === undefined) {
      last.callbacks.push(callback);
      return;
    }
    const group: AckGroup = { durable, callbacks: [callback], outcome: undefined };
    this.#groups.push(group);
    durable.then(
      () => this.#settle(group, null),
      (error: Error) => this.#settle(group, error),
    );
  }

  #settle(group: AckGroup, error: Error | null): void {
    group.outcome = { error };
    for (let head = this.#groups[0]; head?.outcome !== undefined; head = this.#groups[0]) {
      this.#groups.shift();
      for (const callback of head.callbacks) callback(head.outcome.error);
    }
  }
}

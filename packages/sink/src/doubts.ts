import { type Position, type Refusal, type RunInfo, refuse } from '@edgelog/sync';
import type { SinkCluster } from './cluster.ts';
import { DOUBT_MS, GONE_MS } from './limits.ts';
import type { Counters } from './status.ts';

export interface DoubtsDeps {
  readonly cluster: Pick<SinkCluster, 'topic'>;
  readonly counters: Counters;
  readonly monotonic: () => number;
}

/** Runs of which the cluster knows less than was acknowledged: for now that is a leader which does not know that it leads no more. */
export class Doubts {
  readonly #deps: DoubtsDeps;
  /** Since when, monotonic. */
  readonly #since = new Map<number, number>();

  constructor(deps: DoubtsDeps) {
    this.#deps = deps;
  }

  /** Whether it has been so for so long that the cluster is believed. */
  isBelieved(producerId: number): boolean {
    const since = this.#since.get(producerId);
    return since !== undefined && this.#deps.monotonic() - since >= DOUBT_MS;
  }

  /** Refuses to open the run, of which `next` was acknowledged, and asks anew who leads. */
  async raise({ producerId, topic }: RunInfo, { next }: Position): Promise<Refusal> {
    const { cluster, counters, monotonic } = this.#deps;
    if (!this.#since.has(producerId)) this.#since.set(producerId, monotonic());
    const message = `${topic}: of run ${producerId} ${next} was acknowledged, the cluster has less; it is asked again`;
    counters.failed(`opening run ${producerId}`, message);
    await cluster.topic(topic, true);
    return refuse('not-available', message);
  }

  over(producerId: number): void {
    this.#since.delete(producerId);
  }

  /** Forgets runs that nobody has asked for. */
  dropGone(): void {
    for (const [producerId, since] of this.#since)
      if (this.#deps.monotonic() - since >= GONE_MS) this.over(producerId);
  }
}

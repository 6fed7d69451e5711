import type { Incoming, Taken } from './incoming.ts';
import type { IngestStatus, RoutedIngest } from './ingest.ts';
import type { Verdict } from './router.ts';

/** Takes messages through routes that can be exchanged: from the next message on, with counters and samples that begin anew. */
export class SwitchedIngest implements RoutedIngest {
  #current: RoutedIngest;

  constructor(first: RoutedIngest) {
    this.#current = first;
  }

  switchTo(next: RoutedIngest): void {
    this.#current = next;
  }

  take(message: Incoming, alongside?: () => void): Taken {
    return this.#current.take(message, alongside);
  }

  status(): IngestStatus {
    return this.#current.status();
  }

  explain(message: Incoming): Verdict[] {
    return this.#current.explain(message);
  }
}

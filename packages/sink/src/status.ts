const ERRORS_KEPT = 20;

export interface LastError {
  readonly at: number;
  readonly what: string;
  readonly message: string;
}

/** What a sink counts since its start, and what went wrong last. */
export class Counters {
  committedBatches = 0;
  committedRecords = 0;
  committedBytes = 0;
  unknownOutcomes = 0;
  refusedBatches = 0;
  openings = 0;
  readonly lastErrors: LastError[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get all() {
    const { committedBatches, committedRecords, committedBytes } = this;
    const { unknownOutcomes, refusedBatches, openings, lastErrors } = this;
    const committed = { committedBatches, committedRecords, committedBytes };
    return { ...committed, unknownOutcomes, refusedBatches, openings, lastErrors: [...lastErrors] };
  }

  failed(what: string, message: string): void {
    const at = this.#now();
    const same = this.lastErrors.findIndex((one) => one.what === what && one.message === message);
    if (same >= 0) this.lastErrors.splice(same, 1);
    this.lastErrors.push({ at, what, message });
    if (this.lastErrors.length > ERRORS_KEPT) this.lastErrors.shift();
  }
}

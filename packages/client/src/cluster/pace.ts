import { type BackoffLimits, backoffMs, EdgelogError } from '@edgelog/base';

const RECONNECT: BackoffLimits = { minMs: 50, maxMs: 1_000 };
/** Credentials that were refused are not right a moment later, and brokers count the attempts. */
const REFUSED: BackoffLimits = { minMs: 60_000, maxMs: 60_000 };

/** When the next attempt to connect to one broker may be made: soon after a loss, up to a minute after refused credentials. */
export class ConnectPace {
  readonly #onChange: (failure: string | undefined) => void;
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #last: unknown;

  /** `onChange` is told what is wrong when that is something else than before, and with undefined that it passed. */
  constructor(onChange: (failure: string | undefined) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Why not now; undefined when an attempt may be made. */
  get obstacle(): unknown {
    return performance.now() < this.#notBeforeMs ? this.#last : undefined;
  }

  succeeded(): void {
    if (this.#failures > 0) this.#onChange(undefined);
    this.#failures = 0;
    this.#last = undefined;
  }

  failed(error: Error): void {
    const isRefused = error instanceof EdgelogError && error.code === 'AUTHENTICATION_FAILED';
    if (!(this.#last instanceof Error) || this.#last.message !== error.message) this.#onChange(error.message);
    this.#last = error;
    this.#notBeforeMs =
      performance.now() + backoffMs(this.#failures, isRefused ? REFUSED : RECONNECT, Math.random());
    this.#failures += 1;
  }
}

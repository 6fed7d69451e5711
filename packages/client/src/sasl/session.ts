import type { Sasl } from '../security.ts';
import { type Ask, authenticate } from './authenticate.ts';
import { type Exchange, prepareExchange } from './exchange.ts';

/** When to authenticate anew, as parts of a session's life: others of the client's sessions began at the same time. */
const RENEW_AFTER = { min: 0.75, max: 0.85 };
/** After a token could not be had: the session lasts a while yet. */
const AGAIN_MS = 1_000;

/** What a connection shows a broker, at first and each time before the broker stops believing it [KIP-368]. */
export class SaslSession {
  readonly #sasl: Sasl;
  readonly #at: string;
  readonly #timeoutMs: number;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(sasl: Sasl, at: string, timeoutMs: number) {
    this.#sasl = sasl;
    this.#at = at;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether it is time to authenticate anew. */
  get isDue(): boolean {
    return performance.now() >= this.#dueAtMs;
  }

  /** What authentication takes; until it is settled, nothing is due. Throws what `prepareExchange` does. */
  async prepare(): Promise<Exchange> {
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    try {
      return await prepareExchange(this.#sasl, this.#timeoutMs);
    } catch (error) {
      this.#dueAtMs = performance.now() + AGAIN_MS;
      throw error;
    }
  }

  /** Throws what `authenticate` does. */
  async authenticate(exchange: Exchange, ask: Ask): Promise<void> {
    const lifetimeMs = await authenticate(this.#sasl, exchange, this.#at, ask);
    if (lifetimeMs <= 0) return;
    const part = RENEW_AFTER.min + (RENEW_AFTER.max - RENEW_AFTER.min) * Math.random();
    this.#dueAtMs = performance.now() + lifetimeMs * part;
  }
}

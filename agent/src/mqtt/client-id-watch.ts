import { nodeTimers, type Timers } from '@edgelog/base';
import type { Alarms } from '@edgelog/edge';

interface Takeovers {
  /** When the last ones were, ms of the monotonic clock, oldest first. */
  at: number[];
  isNamed: boolean;
}

/** This many within the time that follows are more than a device that lost its network makes. */
const TAKEOVERS = 4;
const WITHIN_MS = 60_000;
const CLEAR_AFTER_MS = 5 * 60_000;
/** How often it is asked whether those who are named have stopped. */
const LOOK_MS = 30_000;
const IDS_MAX = 1000;

/**
 * Two devices with one client id end each other's connections by turns, as the standard demands [MQTT-3.1.4-2], and
 * nobody knows why. Here an alarm names the id and where both connect from, until they have stopped for a while.
 */
export class ClientIdWatch {
  readonly #alarms: Alarms;
  readonly #monotonicMs: () => number;
  readonly #timers: Timers;
  readonly #ids = new Map<string, Takeovers>();
  #isLooking = false;

  constructor(alarms: Alarms, monotonicMs: () => number, timers: Timers = nodeTimers) {
    this.#alarms = alarms;
    this.#monotonicMs = monotonicMs;
    this.#timers = timers;
  }

  /** A connection from `to` takes over the session of one from `from` that is still open. */
  takenOver(clientId: string, from: string, to: string): void {
    const nowMs = this.#monotonicMs();
    this.#forget(nowMs);
    const takeovers = this.#ids.get(clientId) ?? { at: [], isNamed: false };
    if (this.#ids.size >= IDS_MAX && !this.#ids.has(clientId)) return;
    this.#ids.set(clientId, takeovers);
    takeovers.at.push(nowMs);
    if (takeovers.at.length > TAKEOVERS) takeovers.at.shift();
    if (takeovers.at.length < TAKEOVERS || nowMs - takeovers.at[0]! > WITHIN_MS) return;
    takeovers.isNamed = true;
    this.#alarms.raise(
      alarmOf(clientId),
      `client id ${JSON.stringify(clientId)} is used by two clients, at ${from} and at ${to}, which end each other's connections; give each its own`,
    );
    this.#lookAgain();
  }

  /** Perhaps nobody connects any more, once one of the two is gone. */
  #lookAgain(): void {
    if (this.#isLooking || ![...this.#ids.values()].some(({ isNamed }) => isNamed)) return;
    this.#isLooking = true;
    this.#timers.after(LOOK_MS, () => {
      this.#isLooking = false;
      this.#forget(this.#monotonicMs());
      this.#lookAgain();
    });
  }

  #forget(nowMs: number): void {
    for (const [clientId, { at, isNamed }] of this.#ids) {
      const quietMs = nowMs - at.at(-1)!;
      if (quietMs <= (isNamed ? CLEAR_AFTER_MS : WITHIN_MS)) continue;
      this.#ids.delete(clientId);
      if (isNamed) this.#alarms.clear(alarmOf(clientId));
    }
  }
}

function alarmOf(clientId: string): string {
  return `client id ${clientId.slice(0, 100)}`;
}

import type { Logger } from '@edgelog/runtime';
import type { ClusterHandle } from '../cluster/index.ts';
import type { ClusterDirectory } from './gateway-directory.ts';

const LOOK_MS = 10_000;
/** Since the last broker came or went, and since a gateway came: whoever is on the move finds a place without being sent. */
const QUIET_MS = 60_000;
/** A broker sends gateways away from so many times its share on, and so many more. */
const SHARE_FACTOR_MAX = 1.1;
const SHARE_EXCESS_MAX = 10;
/** In one look; spread over the time until the next. */
const SENT_MAX = 20;

export interface GatewaySpreadDeps {
  readonly cluster: Pick<ClusterHandle, 'brokerId' | 'mirror' | 'session'>;
  readonly directory: Pick<ClusterDirectory, 'counts' | 'mayGo' | 'sendElsewhere'>;
  readonly log: Logger;
  readonly now: () => number;
  /** Over which those of one look are sent. */
  readonly spreadMs?: number;
}

/**
 * Brings gateways back to a broker that was restarted: where one has far more than its share, it sends a few to the others now and then.
 * Each goes on from its position within moments. One that comes straight back, since it knows of no other broker, is sent no more.
 */
export class GatewaySpread {
  readonly #deps: GatewaySpreadDeps;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #looking: NodeJS.Timeout;
  #brokers = '';
  #quietSince = 0;

  constructor(deps: GatewaySpreadDeps) {
    this.#deps = deps;
    this.#looking = setInterval(() => this.look(), LOOK_MS);
  }

  look(): void {
    const { cluster, directory, log, now, spreadMs = LOOK_MS } = this.#deps;
    const { brokerId, mirror, session } = cluster;
    const takers = new Map<number, number>();
    for (const { id, epoch, record } of mirror.metadata.brokers())
      if (!record.draining) takers.set(id, epoch);
    const brokers = [...takers].sort(([a], [b]) => a - b).join(' ');
    if (brokers !== this.#brokers) this.#quietSince = now();
    this.#brokers = brokers;
    const settledBy = now() - QUIET_MS;
    if (session.epoch === undefined || !takers.has(brokerId) || this.#quietSince > settledBy) return;
    const counts = directory.counts(takers);
    const here = counts.get(brokerId) ?? 0;
    const share = [...counts.values()].reduce((sum, count) => sum + count, 0) / takers.size;
    if (here <= share * SHARE_FACTOR_MAX + SHARE_EXCESS_MAX) return;
    const count = Math.min(SENT_MAX, Math.ceil((here - share) / 4));
    const chosen = drawn(directory.mayGo(settledBy), count);
    if (chosen.length === 0) return;
    log.info('gateways are sent to brokers with fewer', { count: chosen.length, here, share });
    for (const gateway of chosen) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        directory.sendElsewhere(gateway, 'other brokers of the hub have fewer gateways');
      }, Math.random() * spreadMs);
      this.#timers.add(timer);
    }
  }

  close(): void {
    clearInterval(this.#looking);
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

function drawn<T>(from: readonly T[], count: number): T[] {
  const left = [...from];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0)
    chosen.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  return chosen;
}

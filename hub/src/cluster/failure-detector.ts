import { describeError, type Logger } from '@edgelog/runtime';
import type { Controller } from './controller/controller.ts';
import type { ClusterKeys } from './keys.ts';
import type { BrokerEntry } from './mirror/entries.ts';
import type { MetadataMirror } from './mirror/mirror.ts';
import { PeerProbe } from './probe.ts';
import type { BrokerSession } from './session.ts';
import type { GuardedWrites } from './writes.ts';

export interface FailureDetectorDeps {
  readonly keys: ClusterKeys;
  readonly mirror: MetadataMirror;
  readonly session: BrokerSession;
  readonly writes: GuardedWrites;
  readonly controller: Controller;
  readonly log: Logger;
}

/**
 * Ends registrations of processes that are gone, without waiting for their leases: the controller those of all others, everybody that of
 * the controller. A mistake costs its victim a new registration, and the cluster no data: nothing that is written rests on a lease.
 */
export class FailureDetector {
  readonly #deps: FailureDetectorDeps;
  readonly #probes = new Map<number, { epoch: number; probe: PeerProbe }>();
  readonly #ending = new Set<number>();
  #isStopped = false;

  constructor(deps: FailureDetectorDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { mirror, session } = this.#deps;
    mirror.onChange(({ brokers, controller }) => {
      if (brokers.length > 0 || controller !== undefined) this.#update();
    });
    session.onRegistered(() => this.#update());
    session.onLost(() => this.#update());
  }

  stop(): void {
    this.#isStopped = true;
    for (const { probe } of this.#probes.values()) probe.close();
  }

  #update(): void {
    if (this.#isStopped) return;
    const wanted = new Map(this.#watched().map((entry) => [entry.id, entry]));
    for (const [id, { epoch, probe }] of this.#probes) {
      if (wanted.get(id)?.epoch === epoch) continue;
      probe.close();
      this.#probes.delete(id);
    }
    for (const [id, entry] of wanted) {
      if (this.#probes.has(id)) continue;
      const probe = new PeerProbe(entry.record.kafka, () => void this.#end(entry));
      this.#probes.set(id, { epoch: entry.epoch, probe });
    }
  }

  #watched(): BrokerEntry[] {
    const { mirror, session, controller } = this.#deps;
    if (session.epoch === undefined) return [];
    const others = Array.from(mirror.metadata.brokers()).filter(({ id }) => id !== session.brokerId);
    if (controller.term !== undefined) return others;
    const elected = mirror.metadata.controller?.record.brokerId;
    return others.filter(({ id }) => id === elected);
  }

  async #end({ id, epoch, record }: BrokerEntry): Promise<void> {
    if (this.#ending.has(id)) return;
    this.#ending.add(id);
    const { keys, mirror, writes, log } = this.#deps;
    const { controller } = mirror.metadata;
    const key = keys.broker(id);
    const term = controller?.record.brokerId === id ? controller.epoch : undefined;
    const isController = term === undefined ? [] : [{ key: keys.controller, createRevision: term }];
    const outcome = await writes.txn({
      compare: [{ key, createRevision: epoch }, ...isController],
      success: [{ delete: { key } }, ...(term === undefined ? [] : [{ delete: { key: keys.controller } }])],
    });
    this.#ending.delete(id);
    if (outcome.kind === 'done')
      log.warn('broker is gone: its connections are refused', { brokerId: id, kafka: record.kafka });
    else if (outcome.kind !== 'conflict')
      log.debug('registration of a broker not ended', { brokerId: id, reason: describeError(outcome.error) });
  }
}

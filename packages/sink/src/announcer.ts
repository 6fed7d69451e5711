import type { Position, RunInfo, SyncLog } from '@edgelog/sync';
import type { EdgelogEvent } from './event.ts';
import type { Events } from './events.ts';
import { knownBefore } from './find-position.ts';
import { type Registration, wasRecreated } from './registration.ts';

export interface AnnouncerDeps {
  readonly log: SyncLog;
  readonly events: Events;
  readonly now: () => number;
}

const RECREATED = 'the topic was deleted and created again: what was in the old one went with it';
const CLONED = 'two live agents have the data of one gateway: one is a clone, or has its disk from a backup';

/** What openings of runs bring to light, for operators (log) and for consumers (events). */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  /** Of each gateway that was found to have a clone, what was told of it last. */
  readonly #clones = new Map<string, string>();

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
  }

  /** `lastAgent`: instance of the agent whose session the last one here was. */
  registered(
    info: RunInfo,
    registration: Registration,
    acked: Position | undefined,
    lastAgent: string | undefined,
  ): void {
    this.#lookForClone(registration, lastAgent);
    if (wasRecreated(registration)) this.#recreated(info, registration, acked);
  }

  /** The cluster has a run up to `found` only. */
  lost(
    gateway: string,
    { producerId, topic, logId }: RunInfo,
    { next: to }: Position,
    found: Position | undefined,
  ): void {
    const from = found?.next ?? 0;
    const message = `the cluster lost what it had acknowledged of run ${producerId}`;
    this.#deps.log.error('the cluster lost what it had acknowledged', {
      ...{ gateway, topic, logId, producerId, from, to },
    });
    const id = `lost/${logId}/${producerId}/${from}-${to}`;
    this.#tell({ id, event: 'lost', gateway, topic, logId, producerId, from, to, message });
  }

  /** Each process of an agent has an instance of its own: one that comes back after another had the run was alive all the time. */
  #lookForClone({ record, previous }: Registration, lastAgent: string | undefined): void {
    const { gateway, topic, logId, agent: refused } = record;
    const holder = previous?.record.agent;
    if (refused === undefined || holder === undefined || holder === refused || lastAgent !== refused) return;
    const id = `duplicate-gateway/${gateway}/${holder}/${refused}`;
    if (this.#clones.get(gateway) === id) return;
    this.#clones.set(gateway, id);
    this.#deps.log.error(CLONED, { gateway, topic, logId, instances: [holder, refused] });
    const instances = { holder: { instance: holder }, refused: { instance: refused } };
    this.#tell({ id, event: 'duplicate-gateway', gateway, topic, logId, ...instances, message: CLONED });
  }

  /** Whoever reads the topic is told from where on the new one has the run. */
  #recreated(
    { producerId, topic, logId, firstOffset }: RunInfo,
    registration: Registration,
    acked: Position | undefined,
  ): void {
    const { gateway, topicId } = registration.record;
    const from = knownBefore(registration, acked)?.next ?? firstOffset;
    this.#deps.log.warn(RECREATED, { gateway, topic, logId, producerId, from });
    const id = `topic-recreated/${logId}/${producerId}/${topicId}`;
    const event = 'topic-recreated';
    this.#tell({ id, event, gateway, topic, logId, producerId, from, message: RECREATED });
  }

  #tell(event: Omit<EdgelogEvent, 'at'>): void {
    const { events, now } = this.#deps;
    events.tell({ ...event, at: new Date(now()).toISOString() });
  }
}

import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { type DirectoryRecord, settle } from '@edgelog/cluster';
import type { Comparison } from '@edgelog/etcd';
import { describeError, type Logger } from '@edgelog/runtime';
import { withTopicsMinInsync } from '../min-insync.ts';
import type { BrokerEntry, ControllerEntry, MetadataChanges, PartitionEntry } from '../mirror/entries.ts';
import type { BrokerSession } from '../session.ts';
import { OrphanRemover } from './orphans.ts';
import { PreferredLeaders } from './preferred.ts';
import { type Swap, type SwapDeps, swapAll } from './swaps.ts';

/** It looks after what no change tells of so often, and tries again what failed. */
const TICK_MS = 1_000;
const RETRY_MS = 50;
/** Partitions looked at before others have a turn. */
const TURN_PARTITIONS = 500;

export interface ControllerOptions extends SwapDeps {
  readonly session: BrokerSession;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly now: () => number;
  /** min.insync.replicas where a topic says nothing. */
  readonly minInsync: number;
  /** How long a broker may be back before it gets the lead where it is preferred. */
  readonly preferredDelayMs: number;
}

/**
 * The controller's part of a broker: campaigns, and while it is elected brings every partition to rest. Decides on what the mirror
 * knows, and swaps what it decided on; so old knowledge costs a conflict and nothing else.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #stopping = new AbortController();
  readonly #orphans: OrphanRemover;
  readonly #preferred: PreferredLeaders;
  #isWoken = false;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;
  /** Look at all partitions; else only at those that are in `#dirty`. */
  #isAllDirty = true;
  readonly #dirty = new Set<string>();
  #mayHaveOrphans = true;
  #tickedAt = Number.NEGATIVE_INFINITY;
  #term: number | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#orphans = new OrphanRemover(options, options.now);
    this.#preferred = new PreferredLeaders(options.preferredDelayMs);
  }

  /** Its epoch while this broker is the controller. */
  get term(): number | undefined {
    const { session, mirror } = this.#options;
    const { controller } = mirror.metadata;
    const isMine = controller !== undefined && controller.lease === session.leaseId;
    return isMine && session.epoch !== undefined ? controller.epoch : undefined;
  }

  start(): void {
    const { mirror, session } = this.#options;
    mirror.onChange((changes) => this.#onChanges(changes));
    session.onRegistered(() => this.#awake());
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#awake();
    await this.#running;
  }

  #onChanges({ topics, partitions, brokers, directories, controller }: MetadataChanges): void {
    // Marks are renewed all the time; only whether a disk is accepted matters.
    const disks = directories.filter(
      ({ before, after }) => before?.record.accepted !== after?.record.accepted,
    );
    if (brokers.length > 0 || disks.length > 0) this.#isAllDirty = true;
    for (const { before, after } of topics) {
      if (this.term !== undefined && before !== undefined && before.record.id !== after?.record.id)
        this.#orphans.topicDeleted(before.record.id);
      if (JSON.stringify(before?.record.configs) !== JSON.stringify(after?.record.configs))
        this.#isAllDirty = true;
      this.#mayHaveOrphans = true;
    }
    // Who is not elected looks at all of them once it is.
    if (this.#term !== undefined) {
      for (const { after } of partitions) {
        if (after !== undefined) this.#dirty.add(`${after.topicId}/${after.index}`);
      }
    }
    const isOfInterest = partitions.length + brokers.length + disks.length + topics.length > 0;
    if (isOfInterest || controller !== undefined) this.#awake();
  }

  #awake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isWoken = false;
      try {
        const isDone = await this.#act();
        if (!isDone) await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#options.log.warn('controller: a write failed', { reason: describeError(error) });
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
      if (!this.#isWoken && !signal.aborted) await this.#untilWoken();
    }
  }

  async #untilWoken(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TICK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** False when something is left that should not wait for the next change. */
  async #act(): Promise<boolean> {
    const { mirror, session, keys, log } = this.#options;
    if (session.epoch === undefined) return true;
    const { controller } = mirror.metadata;
    if (controller === undefined) return this.#campaign();
    if (controller.record.brokerId === session.brokerId && controller.lease !== session.leaseId)
      return this.#endFormerTerm(controller);
    const { term } = this;
    if (term !== this.#term) {
      this.#term = term;
      this.#dirty.clear();
      this.#isAllDirty = true;
      this.#mayHaveOrphans = true;
      if (term !== undefined) log.info('elected controller', { epoch: term });
    }
    if (term === undefined) return true;
    const guard = { key: keys.controller, createRevision: term };
    const left = await this.#settle(guard);
    await this.#acceptDisks(guard);
    await this.#tick(guard);
    return left === 0;
  }

  async #campaign(): Promise<boolean> {
    const { keys, session, writes, mirror } = this.#options;
    const lease = session.leaseId;
    if (lease === undefined || this.#isOutdoneByStaying()) return true;
    const value = JSON.stringify({ brokerId: session.brokerId });
    const outcome = await writes.txn({
      compare: [{ key: keys.controller, createRevision: 0 }],
      success: [{ put: keys.controller, value, lease }],
    });
    if (outcome.kind !== 'done') return false;
    await mirror.caughtUp(outcome.revision);
    this.#isWoken = true;
    return true;
  }

  /** Of an earlier registration of this broker: waiting for its lease would leave the cluster without a controller. */
  async #endFormerTerm({ epoch }: ControllerEntry): Promise<boolean> {
    const { keys, writes, mirror } = this.#options;
    const key = keys.controller;
    const outcome = await writes.txn({
      compare: [{ key, createRevision: epoch }],
      success: [{ delete: { key } }],
    });
    if (outcome.kind === 'done') await mirror.caughtUp(outcome.revision);
    return false;
  }

  /** Whether this broker is about to leave and another one is not. */
  #isOutdoneByStaying(): boolean {
    const { mirror, session } = this.#options;
    return session.isDraining && Array.from(mirror.metadata.brokers()).some(({ record }) => !record.draining);
  }

  /** How many could not be brought to rest. */
  async #settle(term: Comparison): Promise<number> {
    const { log, now } = this.#options;
    const isAll = this.#isAllDirty;
    const keys = [...this.#dirty];
    if (!isAll && keys.length === 0) return 0;
    this.#isAllDirty = false;
    this.#dirty.clear();
    const startedAt = now();
    let swaps = 0;
    const due = async function* (this: Controller): AsyncGenerator<Swap> {
      for await (const swap of this.#due(isAll ? this.#allPartitions() : this.#partitionsOf(keys))) {
        swaps++;
        yield swap;
      }
    }.call(this);
    try {
      const left = await swapAll(this.#options, term, due);
      for (const { entry } of left) this.#dirty.add(`${entry.topicId}/${entry.index}`);
      if (swaps > 0)
        log.info('partitions settled', {
          partitions: swaps - left.length,
          left: left.length,
          tookMs: Math.round(now() - startedAt),
        });
      return left.length;
    } catch (error) {
      this.#isAllDirty = true;
      throw error;
    }
  }

  /** What has to become of partitions, as far as they are not at rest. */
  async *#due(partitions: Iterable<PartitionEntry>): AsyncGenerator<Swap> {
    const { mirror, minInsync } = this.#options;
    let looked = 0;
    for (const entry of partitions) {
      if (++looked % TURN_PARTITIONS === 0) await turn();
      const topic = mirror.metadata.topicById(entry.topicId);
      if (topic === undefined) continue;
      const wanted = withTopicsMinInsync(entry.record, topic.record, minInsync);
      const next = settle(wanted, mirror.metadata.states);
      if (next !== entry.record) yield { entry, next };
    }
  }

  /** As they are now, for the map must not change while it is gone through; those that nobody serves come first. */
  #allPartitions(): PartitionEntry[] {
    const { metadata } = this.#options.mirror;
    const all = [...metadata.partitions()];
    const isServed = ({ record }: PartitionEntry): boolean =>
      metadata.broker(record.leader)?.epoch === record.leaderBrokerEpoch;
    return [...all.filter((entry) => !isServed(entry)), ...all.filter(isServed)];
  }

  *#partitionsOf(keys: readonly string[]): Iterable<PartitionEntry> {
    for (const key of keys) {
      const [topicId, index] = key.split('/');
      const entry = this.#options.mirror.metadata.partition(topicId!, Number(index));
      if (entry !== undefined) yield entry;
    }
  }

  /** Of brokers that lost their data: once nobody counts on what the old disk had any more, the new one may come in. */
  async #acceptDisks(term: Comparison): Promise<void> {
    const { mirror, keys, writes, log } = this.#options;
    const { metadata } = mirror;
    for (const { id, epoch, record } of [...metadata.brokers()]) {
      if (!metadata.states(id).lostData || this.#countsOn(id)) continue;
      const key = keys.directory(id);
      const value = JSON.stringify({ mark: record.mark, accepted: record.mark } satisfies DirectoryRecord);
      const outcome = await writes.txn({
        compare: [term, { key: keys.broker(id), createRevision: epoch }],
        success: [{ put: key, value }],
      });
      if (outcome.kind !== 'done') continue;
      log.warn('a broker goes on with a disk that lacks what it had; its replicas are copied anew', {
        brokerId: id,
      });
      await mirror.caughtUp(outcome.revision);
    }
  }

  #countsOn(brokerId: BrokerEntry['id']): boolean {
    for (const { record } of this.#options.mirror.metadata.partitions()) {
      if (record.isr.includes(brokerId) || record.elr.includes(brokerId)) return true;
    }
    return false;
  }

  async #tick(term: Comparison): Promise<void> {
    const { mirror, now } = this.#options;
    const isTick = now() - this.#tickedAt >= TICK_MS;
    if (isTick || this.#mayHaveOrphans) {
      this.#mayHaveOrphans = false;
      await this.#orphans.remove(term);
    }
    if (!isTick) return;
    this.#tickedAt = now();
    const preferred = this.#preferred.due(mirror.metadata, now());
    if (preferred.length === 0) return;
    this.#options.log.info('preferred leaders take over', { partitions: preferred.length });
    await swapAll(this.#options, term, preferred);
  }
}

import { EdgelogError } from '@edgelog/base';
import type { SyncLog } from '@edgelog/sync';
import { crc32c } from '@edgelog/wire';
import type { SinkCluster, SinkTopic } from './cluster.ts';
import { type EdgelogEvent, encodeEvent } from './event.ts';
import type { SinkTimers } from './sink-types.ts';
import type { Counters } from './status.ts';
import { pause } from './survey.ts';
import { TopicWriter } from './topic-writer.ts';

const RETRY_MS = 5_000;
/** Of those that nobody waits for. */
const WAITING_MAX = 1_000;
const IDS_KEPT = 10_000;

export interface EventsDeps {
  readonly cluster: SinkCluster;
  /** Undefined: they are logged only. */
  readonly topic: string | undefined;
  readonly mayCreate: boolean;
  readonly log: SyncLog;
  readonly timers: SinkTimers;
  readonly now: () => number;
  readonly counters: Counters;
}

/** Writes what operators and consumers should hear of gateways into a topic, each at least once, tried again until it is there. */
export class Events {
  readonly #deps: EventsDeps;
  readonly #underWay = new Set<Promise<void>>();
  /** Ids that were written, or are being. */
  readonly #ids = new Set<string>();
  #writers: { readonly topic: SinkTopic; readonly of: Map<number, TopicWriter> } | undefined;
  #isClosed = false;

  constructor(deps: EventsDeps) {
    this.#deps = deps;
  }

  get waiting(): number {
    return this.#underWay.size;
  }

  /** Once for each id, as long as this process remembers; dropped where too many wait already. */
  tell(event: EdgelogEvent): void {
    if (this.#ids.has(event.id) || this.#underWay.size >= WAITING_MAX) return;
    for (const id of this.#ids) {
      if (this.#ids.size < IDS_KEPT) break;
      this.#ids.delete(id);
    }
    this.#ids.add(event.id);
    this.write(event).catch(() => this.#ids.delete(event.id));
  }

  /** Resolves when it is committed; rejects with STORE_CLOSED when this is closed before. */
  write(event: EdgelogEvent): Promise<void> {
    const writing = this.#write(event).finally(() => this.#underWay.delete(writing));
    this.#underWay.add(writing);
    writing.catch(() => {});
    return writing;
  }

  async #write(event: EdgelogEvent): Promise<void> {
    const { topic, log, counters, timers } = this.#deps;
    if (topic === undefined) return;
    for (let attempt = 0; !this.#isClosed; attempt++) {
      try {
        const writer = await this.#writerFor(topic, event.gateway);
        await writer.write(encodeEvent(event));
        return;
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#writers = undefined;
        counters.failed(`writing to ${topic}`, error.message);
        if (attempt === 0)
          log.warn('an event cannot be written, it is tried again', { topic, problem: error.message });
      }
      await pause(timers, RETRY_MS);
    }
    throw new EdgelogError(
      'STORE_CLOSED',
      `the sink was closed before an event of ${event.gateway} was written`,
    );
  }

  async #writerFor(name: string, gateway: string): Promise<TopicWriter> {
    const { cluster, now } = this.#deps;
    this.#writers ??= { topic: await this.#open(name), of: new Map() };
    const { topic, of } = this.#writers;
    const partition = crc32c(Buffer.from(gateway)) % topic.partitions.length;
    const writer =
      of.get(partition) ?? new TopicWriter(cluster, { topic: name, topicId: topic.id, partition }, now);
    of.set(partition, writer);
    return writer;
  }

  async #open(name: string): Promise<SinkTopic> {
    const { cluster, mayCreate, log } = this.#deps;
    const found = await cluster.topic(name, true);
    if (found !== undefined) return found;
    if (!mayCreate) throw new EdgelogError('REFUSED', `topic ${name} does not exist and may not be created`);
    await cluster.createTopic(name, {});
    log.info('topic created for events', { topic: name });
    const created = await cluster.topic(name, true);
    if (created === undefined) throw new EdgelogError('CONNECTION_LOST', `topic ${name} is not there yet`);
    return created;
  }

  /** Resolves when all that was told until now is written, or cannot be. */
  async flush(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  close(): void {
    this.#isClosed = true;
  }
}

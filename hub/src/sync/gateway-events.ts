import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { type EdgelogEvent, EVENTS_TOPIC, encodeEvent } from '@edgelog/sink/event.ts';
import { sealRecords } from '@edgelog/sink/records.ts';
import { apis, ErrorCode, errorName, readBatchHeader } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { DEFAULT_PLACEMENT, isRefused } from '../metadata/topic-admin.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import type { Peers } from '../replication/peers.ts';

export interface GatewayEventsDeps {
  readonly broker: Pick<Broker, 'nodeId' | 'topics' | 'topicAdmin' | 'log'>;
  /** The way to other leaders, in a cluster. */
  readonly peers: Pick<Peers, 'open'> | undefined;
  readonly now: () => number;
}

/** Events are few; one partition keeps them in one order. */
const PARTITIONS = 1;
const CONFIGS = { 'retention.ms': String(365 * 86_400_000) };
const RETRY_MS = 5_000;
const ANSWER_MS = 15_000;
/** Of those that are tried again; further ones are only in the log. */
const WAITING_MAX = 1_000;
const IDS_KEPT = 10_000;
const ALL = -1;

/**
 * What consumers should hear of gateways, as JSON records in a topic of the hub's own: written by the broker that has the gateway, to whoever
 * leads the topic. Each at least once, under the same id.
 */
export class GatewayEvents {
  readonly #deps: GatewayEventsDeps;
  readonly #stopped = new AbortController();
  readonly #told = new Set<string>();
  #waiting = 0;

  constructor(deps: GatewayEventsDeps) {
    this.#deps = deps;
  }

  /** Once for each id, as long as this process remembers. */
  tell(event: EdgelogEvent): void {
    if (this.#told.has(event.id)) return;
    for (const id of this.#told) {
      if (this.#told.size < IDS_KEPT) break;
      this.#told.delete(id);
    }
    this.#told.add(event.id);
    void this.write(event);
  }

  /** Resolves when it is committed, or will not be any more; it is tried again meanwhile. */
  async write(event: EdgelogEvent): Promise<void> {
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting++;
    try {
      for (let isFirst = true; !this.#stopped.signal.aborted; isFirst = false) {
        try {
          return await this.#append(event);
        } catch (error) {
          if (!(error instanceof EdgelogError) || error.code === 'STORE_CLOSED') throw error;
          const { log } = this.#deps.broker;
          const what = { topic: EVENTS_TOPIC, problem: error.message };
          if (isFirst) log.warn('an event cannot be written, it is tried again', what);
        }
        await delay(RETRY_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
      }
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
    } finally {
      this.#waiting--;
    }
  }

  /** Nothing is tried again from now on. */
  close(): void {
    this.#stopped.abort();
  }

  /** Throws EdgelogError when it is not known to be committed. */
  async #append(event: EdgelogEvent): Promise<void> {
    const { broker, now } = this.#deps;
    const topic = broker.topics.get(EVENTS_TOPIC) ?? (await this.#create());
    const partition = topic.partitions[0]!;
    const batch = sealRecords([encodeEvent(event)], now());
    const { leaderId } = partition.leadership;
    if (leaderId === broker.nodeId) await appendHere(partition, batch);
    else await this.#appendAt(leaderId, topic, batch);
  }

  async #appendAt(leaderId: number, topic: Topic, batch: Buffer): Promise<void> {
    const { peers } = this.#deps;
    if (leaderId < 0 || peers === undefined) throw failed('LEADER_NOT_AVAILABLE');
    const link = peers.open(leaderId);
    try {
      const partitionData = [{ index: 0, records: batch }];
      const { responses } = await link.request(
        apis.produce,
        (version) => ({
          transactionalId: null,
          acks: ALL,
          timeoutMs: ANSWER_MS,
          topicData: [{ ...(version >= 13 ? { topicId: topic.id } : { name: topic.name }), partitionData }],
        }),
        { timeoutMs: 2 * ANSWER_MS },
      );
      const code = responses[0]?.partitionResponses[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR;
      if (code !== ErrorCode.NONE) throw failed(errorName(code));
    } finally {
      link.close();
    }
  }

  async #create(): Promise<Topic> {
    const { topicAdmin, topics, log } = this.#deps.broker;
    const outcome = await topicAdmin.create({
      name: EVENTS_TOPIC,
      partitions: PARTITIONS,
      configs: CONFIGS,
      placement: DEFAULT_PLACEMENT,
    });
    if (!isRefused(outcome)) {
      log.info('topic created for events of gateways', { topic: EVENTS_TOPIC });
      return outcome;
    }
    const made = topics.get(EVENTS_TOPIC);
    if (made === undefined) throw failed(`${outcome.error}, ${outcome.message}`);
    return made;
  }
}

async function appendHere(partition: Partition, batch: Buffer): Promise<void> {
  const { replication } = partition;
  const refusal =
    replication.leaderRefusal === 'NONE' ? replication.commitRefusal : replication.leaderRefusal;
  if (refusal !== 'NONE') throw failed(refusal);
  const result = partition.append(batch, readBatchHeader(batch));
  if (!result.ok) throw failed(result.message);
  const outcome = await replication.committed(result.lastOffset + 1, result.flushed);
  if (outcome !== 'NONE') throw failed(outcome);
}

const failed = (why: string): EdgelogError => new EdgelogError('REFUSED', `topic ${EVENTS_TOPIC}: ${why}`);

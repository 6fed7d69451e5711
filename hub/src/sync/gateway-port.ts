import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { EVENTS_TOPIC, eventOf, gapEvent } from '@edgelog/sink/event.ts';
import {
  foreignProducer,
  type Gap,
  type HubAppend,
  type HubPort,
  type Incident,
  partitionFor,
  type Refusal,
  type RunInfo,
  refuse,
  takenBy,
} from '@edgelog/sync';
import { illegalTopicName } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { INTERNAL_TOPICS } from '../metadata/internal-topics.ts';
import { DEFAULT_PLACEMENT, isRefused } from '../metadata/topic-admin.ts';
import type { Partition } from '../partition/partition.ts';
import type { Forwarder } from './forwarder.ts';
import type { Gaps } from './gaps.ts';
import type { GatewayEvents } from './gateway-events.ts';
import { deletedTopic, notAvailable } from './refusal.ts';
import type { OpenedRun, Opening, RunLeader } from './run-leader.ts';
import type { Run, Runs } from './runs.ts';

export interface GatewayPortDeps {
  broker: Pick<Broker, 'nodeId' | 'clusterId' | 'settings' | 'store' | 'topics' | 'topicAdmin' | 'log'>;
  runs: Runs;
  gaps: Gaps;
  events: Pick<GatewayEvents, 'tell' | 'write'>;
  /** What this broker leads. */
  leader: RunLeader;
  /** The way to other leaders, in a cluster. */
  forwarder: Forwarder | undefined;
  now: () => number;
}

/** For so long a gap waits for its event to be written; it is recorded then all the same. */
const EVENT_MS_MAX = 10_000;

/** A topic is created, the run is registered, renamed and moved, each perhaps by another broker at the same time. */
const STEPS_MAX = 20;

/** Under whom a run was opened: what comes of it goes there, or nowhere. */
interface OpenedAt {
  readonly leaderId: number;
  readonly opening: Opening;
}

/**
 * The broker as the sync protocol sees it: gateways' sealed batches go into partition logs, unchanged and in order, here or at
 * the broker that leads the partition.
 */
export class GatewayPort implements HubPort {
  readonly hubId: string;
  readonly #deps: GatewayPortDeps;
  /** By producer id, the runs opened since the start. */
  readonly #opened = new Map<number, OpenedAt>();

  constructor(deps: GatewayPortDeps) {
    this.hubId = deps.broker.clusterId;
    this.#deps = deps;
  }

  async openRun(gateway: string, info: RunInfo): ReturnType<HubPort['openRun']> {
    const run = await this.#find(gateway, info);
    if ('ok' in run) return run;
    const { runs, broker } = this.#deps;
    const partition = runs.partitionOf(run);
    if (partition === undefined) return refuse('topic-missing', deletedTopic(run.topic));
    const { leaderId } = partition.leadership;
    const opened = await this.#openAt(leaderId, run, partition);
    if (!opened.ok) return opened;
    const { opening, position } = opened;
    this.#opened.set(run.producerId, { leaderId, opening });
    broker.log.debug('run opened', { gateway, producerId: run.producerId, topic: run.topic, leaderId });
    return { ok: true, partition: run.partition, position };
  }

  append(producerId: number, batch: Buffer): HubAppend {
    const { runs, leader, broker, forwarder } = this.#deps;
    const run = runs.get(producerId);
    const opened = this.#opened.get(producerId);
    if (run === undefined || opened === undefined) {
      return refuse('protocol-error', `run ${producerId} was not opened`);
    }
    const { leaderId, opening } = opened;
    if (leaderId === broker.nodeId) return leader.append(producerId, opening, batch);
    if (runs.partitionOf(run)?.leadership.leaderId !== leaderId || forwarder === undefined)
      return notAvailable(run, 'its leader moved');
    return { ok: true, committed: forwarder.append(leaderId, producerId, opening, batch) };
  }

  async recordGap(gateway: string, gap: Gap): Promise<void> {
    const { gaps, events, now, broker } = this.#deps;
    // Before the gap itself: after a crash between the two the gateway declares it again.
    if (!gaps.has(gap))
      await Promise.race([
        events.write(gapEvent(gateway, gap, now())),
        delay(EVENT_MS_MAX, undefined, { ref: false }),
      ]);
    const isNew = await gaps.add(gateway, gap, now());
    await broker.store.flushed(); // of a gap that another session is adding
    if (!isNew) return;
    const { logId, topic, from, to, reason } = gap;
    const records = to - from;
    broker.log.warn('gap declared by gateway', { gateway, topic, logId, from, to, reason, records });
  }

  incident(incident: Incident): void {
    this.#deps.events.tell(eventOf(incident, this.#deps.now()));
  }

  async #openAt(leaderId: number, run: Run, partition: Partition): Promise<OpenedRun | Refusal> {
    const { leader, broker, forwarder } = this.#deps;
    if (leaderId === broker.nodeId) return leader.open(run);
    const { leaderRefusal } = partition.replication;
    if (leaderId < 0 || forwarder === undefined) return notAvailable(run, leaderRefusal);
    return forwarder.open(leaderId, run);
  }

  /** The run as it is registered, which is durable then. */
  async #find(gateway: string, info: RunInfo): Promise<Run | Refusal> {
    const illegal = illegalRun(info);
    if (illegal !== undefined) return illegal;
    try {
      for (let step = 0; step < STEPS_MAX; step++) {
        const found = await this.#register(gateway, info);
        if (found !== undefined) return found;
      }
      return refuse('not-available', 'the run is being changed by others');
    } catch (error) {
      if (!(error instanceof EdgelogError) || error.code === 'STORE_FAILED') throw error;
      return refuse('not-available', `the run could not be registered: ${error.message}`);
    }
  }

  /** One step; undefined: look again, it has changed. */
  async #register(gateway: string, info: RunInfo): Promise<Run | Refusal | undefined> {
    const { runs, broker, now } = this.#deps;
    const known = runs.get(info.producerId);
    if (known !== undefined) return takenBy(known, info) ?? this.#resume(gateway, known);
    const topic = broker.topics.get(info.topic);
    if (topic === undefined) return this.#create(info.topic, gateway);
    await runs.add(gateway, info, topic, partitionFor(gateway, topic.name, topic.partitions.length), now());
    return undefined;
  }

  async #resume(gateway: string, known: Run): Promise<Run | Refusal | undefined> {
    const { runs, broker } = this.#deps;
    const topic = broker.topics.get(known.topic);
    if (topic === undefined) return refuse('topic-missing', deletedTopic(known.topic));
    if (known.gateway !== gateway) {
      await runs.rename(known, gateway);
      return undefined;
    }
    if (topic.id === known.topicId) return known;
    if (!runs.mayMove(known))
      return notAvailable(known, 'where it stood when its topic was deleted is being written');
    await runs.move(known, topic, partitionFor(gateway, topic.name, topic.partitions.length));
    return undefined;
  }

  async #create(name: string, gateway: string): Promise<Refusal | undefined> {
    const { settings, topicAdmin, log } = this.#deps.broker;
    if (!settings.autoCreateTopics)
      return refuse('topic-missing', `topic ${name} does not exist and may not be created by agents`);
    const partitions = settings.defaultPartitions;
    const outcome = await topicAdmin.create({ name, partitions, configs: {}, placement: DEFAULT_PLACEMENT });
    if (isRefused(outcome)) {
      const isThere = outcome.error === 'TOPIC_ALREADY_EXISTS';
      return refuse(isThere ? 'not-available' : 'topic-missing', `topic ${name}: ${outcome.message}`);
    }
    log.info('topic created for a gateway', { topic: name, gateway, partitions });
    return undefined;
  }
}

function illegalRun(info: RunInfo): Refusal | undefined {
  const foreign = foreignProducer(info);
  if (foreign !== undefined) return foreign;
  const { topic } = info;
  const illegal =
    INTERNAL_TOPICS.has(topic) || topic === EVENTS_TOPIC
      ? `topic ${topic} is the broker's own`
      : illegalTopicName(topic);
  return illegal === undefined ? undefined : refuse('illegal-topic', illegal);
}

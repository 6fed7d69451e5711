import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { assert } from '@edgelog/base';
import { assignReplicas, type PartitionRecord } from '@edgelog/cluster';
import type { Comparison, Operation } from '@edgelog/etcd';
import type { Configs, NewTopic, Placement, Refused, TopicAdmin } from '../metadata/topic-admin.ts';
import type { Topic, Topics } from '../metadata/topics.ts';
import { SWAPS_PER_TXN, type SwapDeps } from './controller/swaps.ts';
import { minInsyncOf, withTopicsMinInsync } from './min-insync.ts';
import type { TopicEntry } from './mirror/entries.ts';
import type { TopicRecord } from './records.ts';
import type { WriteOutcome } from './writes.ts';

const RETRY_MS = 200;
/** Well below the age at which unfinished partitions are removed (controller/orphans.ts). */
const TIMEOUT_MS = 20_000;
/** How long a new min.insync.replicas is waited for, which the controller brings to the partitions. */
export const MIN_INSYNC_MS = 5_000;

export interface EtcdTopicsDeps extends SwapDeps {
  readonly topics: Topics;
  readonly defaultReplicas: number;
  /** min.insync.replicas where a topic says nothing. */
  readonly minInsync: number;
  readonly now: () => number;
}

type Written = { readonly kind: 'done' } | { readonly kind: 'conflict' } | Refused;

/**
 * Topics of a cluster, in etcd. Any broker changes them. Partitions are recorded first, and are visible with the topic's key;
 * where there are few, in one transaction.
 */
export class EtcdTopics implements TopicAdmin {
  readonly #deps: EtcdTopicsDeps;

  constructor(deps: EtcdTopicsDeps) {
    this.#deps = deps;
  }

  get defaultReplicas(): number {
    return this.#deps.defaultReplicas;
  }

  checkPlacement(placement: Placement, _partitions: number, topic?: Topic): Refused | undefined {
    if ('assignment' in placement) return this.#checkAssignment(placement.assignment);
    const replicas = this.#replicasOf(placement.replicas, topic);
    if (replicas < 1)
      return { error: 'INVALID_REPLICATION_FACTOR', message: `replication factor ${replicas}: below 1` };
    const alive = this.#alive().length;
    if (alive === 0) return { error: 'INVALID_REPLICATION_FACTOR', message: 'no broker is alive' };
    const known = alive + this.#away().length;
    if (replicas <= known) return undefined;
    const few = known === 1 ? '1 broker is' : `${known} brokers are`;
    const message = `replication factor ${replicas}, and only ${few} known: start more, or ask for fewer replicas`;
    return { error: 'INVALID_REPLICATION_FACTOR', message };
  }

  async create({ name, partitions, configs, placement }: NewTopic): Promise<Topic | Refused> {
    const { keys, now } = this.#deps;
    const misplaced = this.checkPlacement(placement, partitions);
    if (misplaced !== undefined) return misplaced;
    const record: TopicRecord = {
      id: randomUUID(),
      partitions,
      configs: { ...configs },
      createdAtMs: now(),
    };
    const lists = this.#lists(placement, partitions, 0);
    const written = await this.#writeTopic(name, record, 0, this.#puts(record, lists, 0));
    if ('error' in written) return written;
    if (written.kind === 'done') return this.#deps.topics.get(name)!;
    const isThere = await this.#deps.mirror.until(
      (metadata) => metadata.topic(name) !== undefined,
      TIMEOUT_MS,
    );
    void this.#deps.writes.txn({ success: [{ delete: { prefix: keys.partitionsOf(record.id) } }] });
    return isThere
      ? { error: 'TOPIC_ALREADY_EXISTS', message: `topic ${name} already exists` }
      : { error: 'REQUEST_TIMED_OUT', message: `topic ${name} could not be written for now` };
  }

  async addPartitions(topic: Topic, count: number, placement: Placement): Promise<Refused | undefined> {
    const entry = this.#entryOf(topic);
    if (entry === undefined) return gone(topic);
    const first = entry.record.partitions;
    if (first !== topic.partitions.length || first >= count) return changedMeanwhile(topic);
    const misplaced = this.checkPlacement(placement, count - first, topic);
    if (misplaced !== undefined) return misplaced;
    const lists = this.#lists(placement, count - first, first, topic);
    const record: TopicRecord = { ...entry.record, partitions: count };
    const puts = this.#puts(record, lists, first);
    const written = await this.#writeTopic(entry.name, record, entry.revision, puts);
    if ('error' in written) return written;
    return written.kind === 'done' ? undefined : changedMeanwhile(topic);
  }

  async setConfigs(topic: Topic, configs: Configs): Promise<Refused | undefined> {
    const { mirror, minInsync } = this.#deps;
    const entry = this.#entryOf(topic);
    if (entry === undefined) return gone(topic);
    if (!sameConfigs(entry.record.configs, topic.configs)) return changedMeanwhile(topic);
    const record: TopicRecord = { ...entry.record, configs: { ...configs } };
    const written = await this.#writeTopic(entry.name, record, entry.revision, []);
    if ('error' in written) return written;
    if (written.kind === 'conflict') return changedMeanwhile(topic);
    await mirror.until(
      (metadata) =>
        [...metadata.recordedPartitionsOf(topic.id)].every(
          (one) => withTopicsMinInsync(one.record, record, minInsync) === one.record,
        ),
      MIN_INSYNC_MS,
    );
    return undefined;
  }

  async delete(topic: Topic): Promise<Refused | undefined> {
    const { keys, mirror, writes } = this.#deps;
    const deadline = performance.now() + TIMEOUT_MS;
    const key = keys.topic(topic.name);
    for (let entry = this.#entryOf(topic); entry !== undefined; entry = this.#entryOf(topic)) {
      const outcome = await writes.txn({
        compare: [{ key, modRevision: entry.revision }],
        success: [{ delete: { key } }],
      });
      if (outcome.kind === 'done') await mirror.caughtUp(outcome.revision);
      else if (outcome.kind === 'failed' || performance.now() > deadline) return timedOut(outcome);
      else await delay(RETRY_MS);
    }
    return undefined;
  }

  /**
   * Puts a topic's record in place of the one with revision `expected`, with partitions that are new in it. What it answers,
   * this broker's mirror knows; but for a conflict.
   */
  async #writeTopic(
    name: string,
    record: TopicRecord,
    expected: number,
    puts: readonly { put: string; value: string }[],
  ): Promise<Written> {
    const { keys, mirror, writes } = this.#deps;
    const key = keys.topic(name);
    const unchanged: Comparison = { key, modRevision: expected };
    const deadline = performance.now() + TIMEOUT_MS;
    const last = puts.slice(-SWAPS_PER_TXN);
    for (let at = 0; at < puts.length - last.length; at += SWAPS_PER_TXN) {
      const some = puts.slice(at, Math.min(at + SWAPS_PER_TXN, puts.length - last.length));
      const written = await this.#sendUntilKnown([unchanged], some, deadline);
      if (!('kind' in written) || written.kind !== 'done') return written;
    }
    // Whoever takes partitions away that no topic has takes all of them.
    const there: Comparison[] =
      last.length < puts.length ? [{ key: puts[0]!.put, version: 0, relation: '>' }] : [];
    const value = JSON.stringify(record);
    for (;;) {
      const outcome = await writes.txn({
        compare: [unchanged, ...there],
        success: [{ put: key, value }, ...last],
        failure: [{ range: { key } }],
      });
      if (outcome.kind === 'done') {
        await mirror.caughtUp(outcome.revision);
        return { kind: 'done' };
      }
      if (outcome.kind === 'conflict') {
        // One of our own before this, whose fate was unknown, may have been done.
        const [found] = outcome.results;
        const now = found?.kind === 'range' ? found.kvs[0] : undefined;
        if (now?.value.toString() !== value) return { kind: 'conflict' };
        await mirror.caughtUp(now.modRevision);
        return { kind: 'done' };
      }
      if (outcome.kind === 'failed' || performance.now() > deadline) return timedOut(outcome);
      await delay(RETRY_MS);
    }
  }

  /** Puts that are the same however often they are done. */
  async #sendUntilKnown(
    compare: readonly Comparison[],
    success: readonly Operation[],
    deadline: number,
  ): Promise<Written> {
    for (;;) {
      const outcome = await this.#deps.writes.txn({ compare, success });
      if (outcome.kind === 'done' || outcome.kind === 'conflict') return { kind: outcome.kind };
      if (outcome.kind === 'failed' || performance.now() > deadline) return timedOut(outcome);
      await delay(RETRY_MS);
    }
  }

  #puts(topic: TopicRecord, lists: readonly (readonly number[])[], first: number) {
    return lists.map((replicas, i) => ({
      put: this.#deps.keys.partition(topic.id, first + i),
      value: JSON.stringify(this.#newPartition(topic, replicas)),
    }));
  }

  #newPartition(topic: TopicRecord, replicas: readonly number[]): PartitionRecord {
    const { metadata } = this.#deps.mirror;
    const isr = replicas.filter((id) => metadata.broker(id) !== undefined);
    const [leader] = isr;
    assert(leader !== undefined, `one of ${replicas.join()} is alive`);
    return {
      replicas,
      isr,
      elr: [],
      leader,
      leaderEpoch: 0,
      leaderBrokerEpoch: metadata.broker(leader)!.epoch,
      minInsync: minInsyncOf(topic, this.#deps.minInsync, replicas.length),
      adding: [],
      removing: [],
    };
  }

  #lists(
    placement: Placement,
    partitions: number,
    first: number,
    topic?: Topic,
  ): readonly (readonly number[])[] {
    if ('assignment' in placement) return placement.assignment;
    const replicas = this.#replicasOf(placement.replicas, topic);
    const alive = this.#alive();
    const staying = alive.filter(({ record }) => !record.draining);
    const usable = staying.length >= replicas ? staying : alive;
    const brokers = usable.map(({ id, record }) => ({ id, rack: record.rack }));
    const away = this.#away();
    return assignReplicas(brokers, {
      ...{ partitions, replicas, away, firstPartition: first },
      random: Math.random,
    });
  }

  /** −1: the default for a new topic, as many as the others have for partitions that are added. */
  #replicasOf(asked: number, topic: Topic | undefined): number {
    if (asked !== -1) return asked;
    const record = topic && this.#deps.mirror.metadata.partition(topic.id, 0)?.record;
    return record === undefined ? this.#deps.defaultReplicas : record.replicas.length - record.adding.length;
  }

  #checkAssignment(assignment: readonly (readonly number[])[]): Refused | undefined {
    const refuse = (message: string): Refused => ({ error: 'INVALID_REPLICA_ASSIGNMENT', message });
    const alive = new Set(this.#alive().map(({ id }) => id));
    const known = new Set([...alive, ...this.#away()]);
    for (const [index, list] of assignment.entries()) {
      if (list.length === 0) return refuse(`partition ${index} of the assignment has no replicas`);
      if (list.length !== assignment[0]!.length)
        return refuse('partitions of the assignment differ in their number of replicas');
      if (new Set(list).size < list.length) return refuse(`brokers ${list.join()}: one is repeated`);
      const unknown = list.find((id) => !known.has(id));
      if (unknown !== undefined) return refuse(`broker ${unknown} is not known`);
      if (!list.some((id) => alive.has(id))) return refuse(`none of brokers ${list.join()} is alive`);
    }
    return undefined;
  }

  #alive() {
    return [...this.#deps.mirror.metadata.brokers()];
  }

  /** Brokers that were here before and are expected back. */
  #away(): number[] {
    const { metadata } = this.#deps.mirror;
    const known = Array.from(metadata.directories(), ({ id }) => id);
    return known.filter((id) => metadata.broker(id) === undefined).sort((a, b) => a - b);
  }

  #entryOf({ name, id }: Topic): TopicEntry | undefined {
    const entry = this.#deps.mirror.metadata.topic(name);
    return entry?.record.id === id ? entry : undefined;
  }
}

function gone({ name }: Topic): Refused {
  return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `topic ${name} is gone` };
}

function changedMeanwhile({ name }: Topic): Refused {
  return { error: 'OPERATION_NOT_ATTEMPTED', message: `topic ${name} was changed meanwhile: look again` };
}

function timedOut(outcome: WriteOutcome): Refused {
  const message = 'error' in outcome ? outcome.error.message : 'others change it all the time';
  return { error: 'REQUEST_TIMED_OUT', message };
}

function sameConfigs(a: Configs, b: Configs): boolean {
  const sorted = (configs: Configs) =>
    JSON.stringify(Object.entries(configs).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

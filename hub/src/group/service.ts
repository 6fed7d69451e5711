import { randomUUID } from 'node:crypto';
import { assert } from '@edgelog/base';
import type { PartitionLog } from '@edgelog/log';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode, type ErrorName } from '@edgelog/wire';
import { describeConsumerGroup, undescribed } from './consumer/describe.ts';
import { consumerHeartbeatFailure } from './consumer/heartbeat.ts';
import { consumerFetchError } from './consumer/offsets.ts';
import { noTopics, type TopicsView } from './consumer/topics.ts';
import { offsetDeleteFailure } from './deletion.ts';
import { describeGroup, listGroups, operationsOf } from './describe.ts';
import {
  commitFailure,
  FETCH_GROUPS_SINCE,
  fetchFailure,
  fetchGroupFailure,
  heartbeatFailure,
  leaveFailure,
} from './failures.ts';
import { LoggedShard } from './logged-shard.ts';
import type * as m from './messages.ts';
import { fetchOffsets } from './offsets.ts';
import { partitionOf } from './placement.ts';
import { RemovalLog } from './removal-log.ts';
import { joinFailure, syncFailure } from './responses.ts';
import { defaultGroupSettings, type GroupSettings } from './settings.ts';
import { type GroupEvent, handle } from './shard.ts';
import type { Group } from './state.ts';
import { type CommittedOffset, committedOffsetsOf, type GroupStatus, statusOf } from './status.ts';
import type { Step } from './step.ts';
import { AlarmHeap } from './timers.ts';

export interface GroupServiceDeps {
  /** Partitions of `__consumer_offsets`. */
  readonly offsetsPartitions: number;
  /** The log of one of them, made if it does not exist. */
  offsetsPartition(partition: number): PartitionLog;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** A clock that nobody sets, in milliseconds: deadlines count on it. Default `performance.now`. */
  steady?(): number;
  readonly log: Logger;
  /** Whether offsets may be committed for it. Default: for any. */
  topicExists?(topic: string, partition: number): boolean;
  /** What groups of the new protocol can read. Default: nothing. */
  readonly topics?: TopicsView;
  /** Of the offsets partitions, as their leader. Default 0. */
  readonly leaderEpoch?: number;
  readonly settings?: Partial<GroupSettings>;
}

type Phase = 'loading' | 'serving' | 'stopped';

interface Waiting {
  readonly resolve: (reply: m.Reply) => void;
  readonly fail: (error: ErrorName) => void;
}

/** setTimeout's own limit is 2^31−1. */
const TIMEOUT_MS_MAX = 2 ** 30;

/**
 * The group coordinator of this broker: the shell around the shards. It appends what they record, answers when that is on
 * disk, keeps the time. Requests of the wire protocol come in decoded, answers go out as bodies to encode.
 */
export class GroupService {
  readonly #deps: GroupServiceDeps;
  readonly #settings: GroupSettings;
  readonly #shards: LoggedShard[] = [];
  readonly #waiting = new Map<m.Ticket, Waiting>();
  /** By group: the newest append that is not on disk yet. */
  readonly #inFlight = new Map<string, Promise<void>>();
  readonly #alarms = new AlarmHeap();
  readonly #removals: RemovalLog;
  #phase: Phase = 'loading';
  #nextTicket = 1;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(deps: GroupServiceDeps) {
    this.#deps = deps;
    this.#settings = { ...defaultGroupSettings, ...deps.settings };
    this.#removals = new RemovalLog(deps.log, () => this.#steady());
  }

  /** Replays the offsets partitions. Until it resolves, clients are told to try again. */
  async load(): Promise<void> {
    const { offsetsPartitions, leaderEpoch = 0, log } = this.#deps;
    assert(this.#shards.length === 0, 'group service loaded twice');
    let records = 0;
    for (let partition = 0; partition < offsetsPartitions; partition++) {
      const shard = new LoggedShard(this.#deps.offsetsPartition(partition), leaderEpoch);
      records += shard.load((offset, error) =>
        log.error('unreadable record in __consumer_offsets', { partition, offset, error: error.message }),
      );
      this.#shards.push(shard);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#phase === 'stopped') return;
    this.#phase = 'serving';
    for (const partition of this.#shards.keys()) this.#run(partition, { type: 'loaded' });
    this.#expiryTimer = setInterval(() => this.#runAll({ type: 'expire' }), this.#settings.expiryIntervalMs);
    this.#expiryTimer.unref();
    log.info('groups loaded', { groups: [...this.#groups()].length, records });
  }

  joinGroup(request: m.JoinRequest, context: m.RequestContext): Promise<m.JoinResponse> {
    const uniqueId = randomUUID();
    return this.#call(
      'join',
      (error) => joinFailure(error, request.memberId),
      (ticket) => ({
        type: 'join',
        groupId: request.groupId,
        ticket,
        request,
        context,
        uniqueId,
      }),
    );
  }

  syncGroup(request: m.SyncRequest, _context: m.RequestContext): Promise<m.SyncResponse> {
    const { groupId } = request;
    return this.#call('sync', syncFailure, (ticket) => ({ type: 'sync', groupId, ticket, request }));
  }

  heartbeat(request: m.HeartbeatRequest, _context: m.RequestContext): Promise<m.HeartbeatResponse> {
    const { groupId } = request;
    // Nothing is known of the member yet: a session that is alive must not be ended by a restart of the hub.
    if (this.#phase === 'loading') return Promise.resolve(heartbeatFailure('NONE'));
    return this.#call('heartbeat', heartbeatFailure, (ticket) => ({
      type: 'heartbeat',
      groupId,
      ticket,
      request,
    }));
  }

  leaveGroup(request: m.LeaveRequest, context: m.RequestContext): Promise<m.LeaveResponse> {
    const { groupId } = request;
    return this.#call(
      'leave',
      (error) => leaveFailure(error, context.apiVersion),
      (ticket) => ({
        type: 'leave',
        groupId,
        ticket,
        request,
        context,
      }),
    );
  }

  offsetCommit(request: m.OffsetCommitRequest, context: m.RequestContext): Promise<m.OffsetCommitResponse> {
    const topicExists = this.#topicExists;
    return this.#call(
      'offsetCommit',
      (error) => commitFailure(error, request),
      (ticket) => ({
        type: 'offsetCommit',
        groupId: request.groupId,
        ticket,
        request,
        context,
        topicExists,
      }),
    );
  }

  async offsetFetch(
    request: m.OffsetFetchRequest,
    context: m.RequestContext,
  ): Promise<m.OffsetFetchResponse> {
    const { apiVersion } = context;
    if (apiVersion >= FETCH_GROUPS_SINCE) {
      const groups = request.groups.map(({ groupId, topics, ...member }) =>
        this.#fetchGroup(groupId, topics, member),
      );
      return { throttleTimeMs: 0, groups: await Promise.all(groups) };
    }
    const { groupId, topics, errorCode } = await this.#fetchGroup(request.groupId, request.topics);
    if (errorCode === ErrorCode.NONE) return { throttleTimeMs: 0, topics, errorCode };
    return fetchFailure(this.#refusal(groupId) ?? 'COORDINATOR_NOT_AVAILABLE', request, apiVersion);
  }

  consumerGroupHeartbeat(
    request: m.ConsumerHeartbeatRequest,
    context: m.RequestContext,
  ): Promise<m.ConsumerHeartbeatResponse> {
    const { groupId } = request;
    const uniqueId = randomUUID();
    return this.#call('consumerHeartbeat', consumerHeartbeatFailure, (ticket) => ({
      type: 'consumerHeartbeat',
      groupId,
      ticket,
      request,
      context,
      uniqueId,
    }));
  }

  async consumerGroupDescribe(
    { groupIds, includeAuthorizedOperations }: m.ConsumerDescribeRequest,
    _context: m.RequestContext,
  ): Promise<m.ConsumerDescribeResponse> {
    const error = this.#refusal();
    const operations = operationsOf(includeAuthorizedOperations);
    const groups = groupIds.map((groupId) =>
      error === undefined
        ? describeConsumerGroup(groupId, this.#group(groupId), this.#topics, operations)
        : undescribed(groupId, error),
    );
    await Promise.allSettled(groupIds.map((groupId) => this.#inFlight.get(groupId)));
    return { groups };
  }

  offsetDelete(request: m.OffsetDeleteRequest, _context: m.RequestContext): Promise<m.OffsetDeleteResponse> {
    const { groupId } = request;
    const topicExists = this.#topicExists;
    return this.#call('offsetDelete', offsetDeleteFailure, (ticket) => ({
      type: 'offsetDelete',
      groupId,
      ticket,
      request,
      topicExists,
    }));
  }

  async deleteGroups(
    { groupsNames }: m.DeleteGroupsRequest,
    _context: m.RequestContext,
  ): Promise<m.DeleteGroupsResponse> {
    const results = Array.from(new Set(groupsNames), (groupId) =>
      this.#call(
        'deleteGroup',
        (error) => ({ groupId, errorCode: ErrorCode[error] }),
        (ticket) => ({ type: 'deleteGroup', groupId, ticket }),
      ),
    );
    return { results: await Promise.all(results) };
  }

  async describeGroups(
    request: m.DescribeGroupsRequest,
    context: m.RequestContext,
  ): Promise<m.DescribeGroupsResponse> {
    const options = {
      apiVersion: context.apiVersion,
      includeAuthorizedOperations: request.includeAuthorizedOperations,
    };
    const error = this.#refusal();
    const groups = request.groups.map((groupId) => {
      const described = describeGroup(groupId, this.#group(groupId), options);
      return error === undefined ? described : { ...described, errorCode: ErrorCode[error] };
    });
    await Promise.allSettled(request.groups.map((groupId) => this.#inFlight.get(groupId)));
    return { throttleTimeMs: 0, groups };
  }

  async listGroups(request: m.ListGroupsRequest, _context: m.RequestContext): Promise<m.ListGroupsResponse> {
    const error = this.#refusal();
    if (error !== undefined) return { throttleTimeMs: 0, errorCode: ErrorCode[error], groups: [] };
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, groups: listGroups(this.#groups(), request) };
  }

  /** Forgets what groups committed for a topic that was deleted. */
  topicDeleted(topic: string): void {
    this.#runAll({ type: 'topicDeleted', topic });
  }

  status(): GroupStatus[] {
    return Array.from(this.#groups(), statusOf);
  }

  committedOffsets(groupId: string): CommittedOffset[] {
    const group = this.#group(groupId);
    return group ? committedOffsetsOf(group) : [];
  }

  /** Tells everybody who waits to look for the coordinator again. Resolves when what was recorded is on disk. */
  async stop(): Promise<void> {
    this.#end('NOT_COORDINATOR');
    await Promise.allSettled(this.#inFlight.values());
  }

  get #topics(): TopicsView {
    return this.#deps.topics ?? noTopics;
  }

  #topicExists = (topic: string, partition: number): boolean =>
    this.#deps.topicExists?.(topic, partition) ?? true;

  /** Why no request of this group can be served now. */
  #refusal(groupId?: string): ErrorName | undefined {
    if (groupId === '') return 'INVALID_GROUP_ID';
    if (this.#phase === 'loading') return 'COORDINATOR_LOAD_IN_PROGRESS';
    return this.#phase === 'stopped' ? 'COORDINATOR_NOT_AVAILABLE' : undefined;
  }

  #call<K extends m.ApiKind>(
    kind: K,
    failure: (error: ErrorName) => m.Bodies[K],
    eventOf: (ticket: m.Ticket) => GroupEvent & { groupId: string },
  ): Promise<m.Bodies[K]> {
    const error = this.#refusal();
    if (error !== undefined) return Promise.resolve(failure(error));
    return new Promise((done) => {
      const ticket = this.#nextTicket++;
      this.#waiting.set(ticket, {
        resolve: (reply) => {
          assert(reply.kind === kind, `a ${kind} request was given a ${reply.kind} reply`);
          done(reply.body as m.Bodies[K]);
        },
        fail: (why) => done(failure(why)),
      });
      const event = eventOf(ticket);
      this.#run(this.#partitionOf(event.groupId), event);
    });
  }

  async #fetchGroup(
    groupId: string,
    topics: m.OffsetFetchRequest['topics'],
    member: { memberId: string | null; memberEpoch: number } = { memberId: null, memberEpoch: -1 },
  ) {
    const consumer = this.#group(groupId)?.consumer;
    const error =
      this.#refusal(groupId) ??
      (consumer && consumerFetchError(consumer, member.memberId, member.memberEpoch));
    if (error !== undefined) return fetchGroupFailure(error, groupId);
    const fetchedTopics = fetchOffsets(this.#group(groupId), topics);
    try {
      await this.#inFlight.get(groupId);
    } catch {
      return fetchGroupFailure('COORDINATOR_NOT_AVAILABLE', groupId);
    }
    return { groupId, topics: fetchedTopics, errorCode: ErrorCode.NONE };
  }

  #partitionOf(groupId: string): number {
    return partitionOf(groupId, this.#deps.offsetsPartitions);
  }

  #group(groupId: string): Group | undefined {
    return this.#shards[this.#partitionOf(groupId)]?.state.groups.get(groupId);
  }

  *#groups(): Generator<Group> {
    for (const shard of this.#shards) yield* shard.state.groups.values();
  }

  #runAll(event: GroupEvent): void {
    if (this.#phase !== 'serving') return;
    for (const partition of this.#shards.keys()) this.#run(partition, event);
  }

  #run(partition: number, event: GroupEvent): void {
    const shard = this.#shards[partition]!;
    const now = { wallMs: this.#deps.now(), steadyMs: this.#steady() };
    const step = handle(shard.state, event, now, this.#settings, this.#topics);
    if (step.records.length > 0) this.#append(shard, step);
    this.#removals.report(step.removals);
    for (const { groupId, at } of step.wakes) this.#alarms.add({ partition, groupId, at });
    this.#armTimer();
    this.#answer(step, 'groupId' in event ? event.groupId : '');
  }

  #append(shard: LoggedShard, step: Step): void {
    const flushed = shard.append(step.records, step.now.wallMs);
    const groupIds = new Set(step.records.map(({ groupId }) => groupId));
    for (const groupId of groupIds) this.#inFlight.set(groupId, flushed);
    const landed = () => {
      for (const groupId of groupIds) {
        if (this.#inFlight.get(groupId) === flushed) this.#inFlight.delete(groupId);
      }
    };
    flushed.then(landed, (error: Error) => {
      this.#deps.log.error('group records could not be stored', { error: error.message });
      this.#end('COORDINATOR_NOT_AVAILABLE');
    });
  }

  #end(error: ErrorName): void {
    this.#phase = 'stopped';
    clearTimeout(this.#timer);
    clearInterval(this.#expiryTimer);
    for (const { fail } of this.#waiting.values()) fail(error);
    this.#waiting.clear();
  }

  /** No answer leaves while something of its group is not on disk, for it may speak of that. */
  #answer(step: Step, groupId: string): void {
    if (step.replies.length === 0) return;
    const deliver = (give: (waiting: Waiting, reply: m.Reply) => void) => {
      for (const reply of step.replies) {
        const waiting = this.#waiting.get(reply.ticket);
        this.#waiting.delete(reply.ticket);
        if (waiting) give(waiting, reply);
      }
    };
    const gate = this.#inFlight.get(groupId);
    if (!gate) deliver((waiting, reply) => waiting.resolve(reply));
    else {
      gate.then(
        () => deliver((waiting, reply) => waiting.resolve(reply)),
        () => deliver((waiting) => waiting.fail('COORDINATOR_NOT_AVAILABLE')),
      );
    }
  }

  #steady(): number {
    return this.#deps.steady?.() ?? performance.now();
  }

  #armTimer(): void {
    const at = this.#alarms.nextAt;
    if (at === undefined || at >= this.#timerAt || this.#phase !== 'serving') return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const delay = Math.min(Math.max(at - this.#steady(), 0), TIMEOUT_MS_MAX);
    // Heartbeats that came while the process was held up are read first, so that nobody is given up for our delay.
    this.#timer = setTimeout(() => setImmediate(() => this.#onTimer()), Math.ceil(delay));
    this.#timer.unref();
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#steady();
    while (this.#phase === 'serving') {
      const alarm = this.#alarms.takeDue(now);
      if (!alarm) break;
      this.#run(alarm.partition, { type: 'wake', groupId: alarm.groupId });
    }
    this.#armTimer();
  }
}

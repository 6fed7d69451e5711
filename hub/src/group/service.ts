import { randomUUID } from 'node:crypto';
import { assert } from '@edgelog/base';
import type { Logger } from '@edgelog/runtime';
import { ErrorCode, type ErrorName, errorName } from '@edgelog/wire';
import type { Refused } from '../metadata/topic-admin.ts';
import type { Partition } from '../partition/partition.ts';
import { describeConsumerGroup, undescribed } from './consumer/describe.ts';
import { consumerHeartbeatFailure } from './consumer/heartbeat.ts';
import { consumerFetchError } from './consumer/offsets.ts';
import { noTopics, type TopicsView } from './consumer/topics.ts';
import { Coordinator, type CoordinatorDeps } from './coordinator.ts';
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
import type * as m from './messages.ts';
import { fetchOffsets } from './offsets.ts';
import type { OffsetsTopic } from './offsets-topic.ts';
import { partitionOf } from './placement.ts';
import { RemovalLog } from './removal-log.ts';
import { joinFailure, syncFailure } from './responses.ts';
import { defaultGroupSettings, type GroupSettings } from './settings.ts';
import type { GroupEvent } from './shard.ts';
import type { Group } from './state.ts';
import { type CommittedOffset, committedOffsetsOf, type GroupStatus, statusOf } from './status.ts';
import { Turns } from './turns.ts';

export interface GroupServiceDeps {
  readonly offsets: Pick<OffsetsTopic, 'partitions' | 'ensure'>;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** A clock that nobody sets, in milliseconds: deadlines count on it. Default `performance.now`. */
  steady?(): number;
  readonly log: Logger;
  /** Whether offsets may be committed for it. Default: for any. */
  topicExists?(topic: string, partition: number): boolean;
  /** What groups of the new protocol can read. Default: nothing. */
  readonly topics?: TopicsView;
  readonly settings?: Partial<GroupSettings>;
}

/**
 * The group coordinator of this broker: of the groups in those partitions of `__consumer_offsets` that it leads. Requests of
 * the wire protocol come in decoded, answers go out as bodies to encode; what is asked of other groups is NOT_COORDINATOR.
 */
export class GroupService {
  readonly #deps: GroupServiceDeps;
  readonly #coordinators = new Map<number, Coordinator>();
  readonly #coordinatorDeps: CoordinatorDeps;
  readonly #loads = new Set<Promise<void>>();
  readonly #expiryTimer: NodeJS.Timeout;
  #stopped = false;

  constructor(deps: GroupServiceDeps) {
    this.#deps = deps;
    const { log, now, steady = () => performance.now() } = deps;
    const settings = { ...defaultGroupSettings, ...deps.settings };
    const turns = new Turns();
    this.#coordinatorDeps = {
      settings,
      topics: this.#topics,
      log,
      now,
      steady,
      removals: new RemovalLog(log, steady),
      isTopic: (topic) => this.#topicExists(topic, 0),
      inTurn: (work) => turns.take(work),
      onDeposed: (coordinator) => this.#onDeposed(coordinator),
      onStoreFailed: (error) => this.#onStoreFailed(error),
    };
    this.#expiryTimer = setInterval(() => this.#runAll({ type: 'expire' }), settings.expiryIntervalMs);
    this.#expiryTimer.unref();
  }

  /**
   * Leads or resigns, as this broker does to that partition of `__consumer_offsets` now. To be called whenever that may have
   * changed.
   */
  look(partition: Partition): void {
    const { index, isClosed, replication, leadership } = partition;
    const coordinator = this.#coordinators.get(index);
    const isKnown = coordinator?.partition === partition;
    if (isClosed || replication.leaderRefusal !== 'NONE') {
      if (isKnown) this.resign(index);
      return;
    }
    if (isKnown && coordinator.leaderEpoch === leadership.leaderEpoch) return;
    this.resign(index);
    this.lead(partition);
  }

  /** The groups of this partition are this broker's, until it resigns. They are loaded first; clients are told to wait. */
  lead(partition: Partition): void {
    if (this.#stopped) return;
    assert(!this.#coordinators.has(partition.index), `partition ${partition.index} is not led yet`);
    const coordinator = new Coordinator(partition, this.#coordinatorDeps);
    this.#coordinators.set(partition.index, coordinator);
    const load = coordinator.load();
    this.#loads.add(load);
    load
      .catch((error: Error) => {
        if (coordinator.phase === 'ended') return;
        this.#deps.log.error('groups could not be loaded', { partition: partition.index, error });
        coordinator.end('COORDINATOR_NOT_AVAILABLE');
      })
      .finally(() => this.#loads.delete(load));
  }

  /** They are somebody else's. Whoever waits is told to look for the coordinator again. */
  resign(partitionIndex: number): void {
    this.#coordinators.get(partitionIndex)?.end('NOT_COORDINATOR');
    this.#coordinators.delete(partitionIndex);
  }

  /** Resolves when what is led now is loaded, or was given up. Rejects when that cannot be read. */
  async loaded(): Promise<void> {
    await Promise.all(this.#loads);
  }

  /** The id of the broker that coordinates the group; its topic is made if this is the first group of all. */
  async findCoordinator(groupId: string): Promise<{ nodeId: number } | Refused> {
    const { offsets } = this.#deps;
    const refused = await offsets.ensure();
    if (refused !== undefined) return { error: 'COORDINATOR_NOT_AVAILABLE', message: refused.message };
    const partitions = offsets.partitions ?? [];
    const nodeId = partitions[partitionOf(groupId, partitions.length)]?.leadership.leaderId ?? -1;
    if (nodeId !== -1) return { nodeId };
    return { error: 'COORDINATOR_NOT_AVAILABLE', message: "nobody leads the group's partition now" };
  }

  joinGroup(request: m.JoinRequest, context: m.RequestContext): Promise<m.JoinResponse> {
    const { groupId, memberId } = request;
    const uniqueId = randomUUID();
    return this.#call(
      'join',
      groupId,
      (error) => joinFailure(error, memberId),
      (ticket) => ({ type: 'join', groupId, ticket, request, context, uniqueId }),
    );
  }

  syncGroup(request: m.SyncRequest, _context: m.RequestContext): Promise<m.SyncResponse> {
    const { groupId } = request;
    return this.#call('sync', groupId, syncFailure, (ticket) => ({ type: 'sync', groupId, ticket, request }));
  }

  heartbeat(request: m.HeartbeatRequest, _context: m.RequestContext): Promise<m.HeartbeatResponse> {
    const { groupId } = request;
    // While loading nothing is known of the member: a session that is alive must not be ended because its coordinator is another.
    const failure = (error: ErrorName) =>
      heartbeatFailure(error === 'COORDINATOR_LOAD_IN_PROGRESS' ? 'NONE' : error);
    return this.#call('heartbeat', groupId, failure, (ticket) => ({
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
      groupId,
      (error) => leaveFailure(error, context.apiVersion),
      (ticket) => ({ type: 'leave', groupId, ticket, request, context }),
    );
  }

  offsetCommit(request: m.OffsetCommitRequest, context: m.RequestContext): Promise<m.OffsetCommitResponse> {
    const { groupId } = request;
    const topicExists = this.#topicExists;
    return this.#call(
      'offsetCommit',
      groupId,
      (error) => commitFailure(error, request),
      (ticket) => ({ type: 'offsetCommit', groupId, ticket, request, context, topicExists }),
    );
  }

  async offsetFetch(
    request: m.OffsetFetchRequest,
    { apiVersion }: m.RequestContext,
  ): Promise<m.OffsetFetchResponse> {
    if (apiVersion >= FETCH_GROUPS_SINCE) {
      const groups = request.groups.map(({ groupId, topics, ...member }) =>
        this.#fetchGroup(groupId, topics, member),
      );
      return { throttleTimeMs: 0, groups: await Promise.all(groups) };
    }
    const { topics, errorCode } = await this.#fetchGroup(request.groupId, request.topics);
    if (errorCode === ErrorCode.NONE) return { throttleTimeMs: 0, topics, errorCode };
    return fetchFailure(errorName(errorCode), request, apiVersion);
  }

  consumerGroupHeartbeat(
    request: m.ConsumerHeartbeatRequest,
    context: m.RequestContext,
  ): Promise<m.ConsumerHeartbeatResponse> {
    const { groupId } = request;
    const uniqueId = randomUUID();
    return this.#call('consumerHeartbeat', groupId, consumerHeartbeatFailure, (ticket) => ({
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
    const operations = operationsOf(includeAuthorizedOperations);
    const groups = groupIds.map((groupId) =>
      this.#read(
        groupId,
        (group) => describeConsumerGroup(groupId, group, this.#topics, operations),
        (error) => undescribed(groupId, error),
      ),
    );
    return { groups: await Promise.all(groups) };
  }

  offsetDelete(request: m.OffsetDeleteRequest, _context: m.RequestContext): Promise<m.OffsetDeleteResponse> {
    const { groupId } = request;
    const topicExists = this.#topicExists;
    return this.#call('offsetDelete', groupId, offsetDeleteFailure, (ticket) => ({
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
        groupId,
        (error) => ({ groupId, errorCode: ErrorCode[error] }),
        (ticket) => ({ type: 'deleteGroup', groupId, ticket }),
      ),
    );
    return { results: await Promise.all(results) };
  }

  async describeGroups(
    { groups: groupIds, includeAuthorizedOperations }: m.DescribeGroupsRequest,
    { apiVersion }: m.RequestContext,
  ): Promise<m.DescribeGroupsResponse> {
    const describe = (groupId: string, group: Group | undefined) =>
      describeGroup(groupId, group, { apiVersion, includeAuthorizedOperations });
    const groups = groupIds.map((groupId) =>
      this.#read(
        groupId,
        (group) => describe(groupId, group),
        (error) => ({
          ...describe(groupId, undefined),
          groupState: '',
          errorCode: ErrorCode[error],
          errorMessage: null,
        }),
      ),
    );
    return { throttleTimeMs: 0, groups: await Promise.all(groups) };
  }

  /** Of the groups of this broker; all of them, or an error. */
  async listGroups(request: m.ListGroupsRequest, _context: m.RequestContext): Promise<m.ListGroupsResponse> {
    const failed = (error: ErrorName) => ({ throttleTimeMs: 0, errorCode: ErrorCode[error], groups: [] });
    if (this.#stopped) return failed('COORDINATOR_NOT_AVAILABLE');
    const coordinators = [...this.#coordinators.values()];
    if (coordinators.some((one) => one.refusal(false) === 'COORDINATOR_LOAD_IN_PROGRESS'))
      return failed('COORDINATOR_LOAD_IN_PROGRESS');
    const groups = listGroups(this.#groups(), request);
    const outcomes = await Promise.all(coordinators.map((one) => one.allSettled()));
    const failure = outcomes.find((outcome) => outcome !== 'NONE');
    return failure === undefined ? { ...failed('NONE'), groups } : failed(failure);
  }

  /** Forgets what groups committed for a topic that was deleted. */
  topicDeleted(topic: string): void {
    this.#runAll({ type: 'topicDeleted', topic });
  }

  /** Of the groups that are served here. */
  status(): GroupStatus[] {
    return Array.from(this.#groups(), statusOf);
  }

  committedOffsets(groupId: string): CommittedOffset[] {
    const coordinator = this.#coordinatorOf(groupId);
    const group = typeof coordinator === 'string' ? undefined : coordinator.groups.get(groupId);
    return group ? committedOffsetsOf(group) : [];
  }

  /** Tells everybody who waits to look for the coordinator again. Resolves when what was recorded is on this broker's disk. */
  async stop(): Promise<void> {
    const coordinators = [...this.#coordinators.values()];
    this.#end('NOT_COORDINATOR');
    await Promise.allSettled(coordinators.map(({ flushed }) => flushed));
  }

  get #topics(): TopicsView {
    return this.#deps.topics ?? noTopics;
  }

  #topicExists = (topic: string, partition: number): boolean =>
    this.#deps.topicExists?.(topic, partition) ?? true;

  #call<K extends m.ApiKind>(
    kind: K,
    groupId: string,
    failure: (error: ErrorName) => m.Bodies[K],
    eventOf: (ticket: m.Ticket) => GroupEvent & { groupId: string },
  ): Promise<m.Bodies[K]> {
    const coordinator = this.#coordinatorOf(groupId);
    if (typeof coordinator === 'string') return Promise.resolve(failure(coordinator));
    return coordinator.call(kind, failure, eventOf);
  }

  async #fetchGroup(
    groupId: string,
    topics: m.OffsetFetchRequest['topics'],
    member: { memberId: string | null; memberEpoch: number } = { memberId: null, memberEpoch: -1 },
  ) {
    if (groupId === '') return fetchGroupFailure('INVALID_GROUP_ID', groupId);
    const failure = (error: ErrorName) => fetchGroupFailure(error, groupId);
    const tell = (group: Group | undefined) => {
      const error =
        group?.consumer && consumerFetchError(group.consumer, member.memberId, member.memberEpoch);
      if (error !== undefined) return failure(error);
      return { groupId, topics: fetchOffsets(group, topics), errorCode: ErrorCode.NONE };
    };
    return this.#read<ReturnType<typeof failure> | ReturnType<typeof tell>>(groupId, tell, failure);
  }

  /** What `tell` says of the group, when it may be told, or why not. */
  async #read<T>(
    groupId: string,
    tell: (group: Group | undefined) => T,
    failure: (error: ErrorName) => T,
  ): Promise<T> {
    const coordinator = this.#coordinatorOf(groupId);
    const error = typeof coordinator === 'string' ? coordinator : coordinator.refusal(false);
    if (typeof coordinator === 'string' || error !== undefined) return failure(error ?? 'NOT_COORDINATOR');
    const told = tell(coordinator.groups.get(groupId));
    const outcome = await coordinator.settled(groupId);
    return outcome === 'NONE' ? told : failure(outcome);
  }

  #coordinatorOf(groupId: string): Coordinator | ErrorName {
    const count = this.#stopped ? undefined : this.#deps.offsets.partitions?.length;
    if (count === undefined) return 'COORDINATOR_NOT_AVAILABLE';
    return this.#coordinators.get(partitionOf(groupId, count)) ?? 'NOT_COORDINATOR';
  }

  *#groups(): Generator<Group> {
    for (const { groups } of this.#coordinators.values()) yield* groups.values();
  }

  #runAll(event: GroupEvent): void {
    for (const coordinator of [...this.#coordinators.values()]) coordinator.run(event);
  }

  #onDeposed(coordinator: Coordinator): void {
    const { partition } = coordinator;
    if (this.#coordinators.get(partition.index) !== coordinator) return;
    this.resign(partition.index);
    this.look(partition);
  }

  #onStoreFailed(error: Error): void {
    if (this.#stopped) return;
    this.#deps.log.error('group records could not be stored', { error: error.message });
    this.#end('COORDINATOR_NOT_AVAILABLE');
  }

  #end(error: ErrorName): void {
    this.#stopped = true;
    clearInterval(this.#expiryTimer);
    for (const coordinator of this.#coordinators.values()) coordinator.end(error);
    this.#coordinators.clear();
  }
}

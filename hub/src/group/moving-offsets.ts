import { assert } from '@edgelog/base';
import type { LogStore, PartitionLog } from '@edgelog/log';
import { silentLogger } from '@edgelog/runtime';
import { ErrorCode, iterateBatches } from '@edgelog/wire';
import { Partition } from '../partition/partition.ts';
import type * as m from './messages.ts';
import { GroupService, type GroupServiceDeps } from './service.ts';
import { SteeredReplication } from './steered-replication.ts';

const context: m.RequestContext = { clientId: 'client', clientHost: '/127.0.0.1', apiVersion: 9 };

/** One of the brokers: what it is to the only partition of `__consumer_offsets`, and its coordinator. */
export class Node {
  readonly partition: Partition;
  readonly groups: GroupService;

  constructor(deps: Partial<GroupServiceDeps>) {
    const follower = new SteeredReplication(undefined, { epoch: 0, leads: false });
    this.partition = new Partition('__consumer_offsets', 0, undefined, follower);
    const partitions = [this.partition];
    const offsets = { partitions, ensure: () => Promise.resolve(undefined) };
    this.groups = new GroupService({ offsets, now: Date.now, log: silentLogger, ...deps });
    this.partition.whenChanged.add(() => this.groups.look(this.partition));
  }

  get replication(): SteeredReplication {
    return this.partition.replication as SteeredReplication;
  }

  become(log: PartitionLog | undefined, epoch: number, highWatermark?: number): void {
    const leads = log !== undefined;
    const at = highWatermark === undefined ? {} : { highWatermark };
    this.partition.become(new SteeredReplication(log, { epoch, leads, ...at }), log);
  }

  /** What is flushed becomes committed. */
  replicate(upTo?: number): void {
    this.replication.replicate(upTo);
    this.partition.changed();
  }

  /** Answers the error of the only partition. */
  async commit(groupId: string, offset: number, topic = 'telemetry', partitionIndex = 0): Promise<number> {
    const { topics } = await this.groups.offsetCommit(
      {
        groupId,
        memberId: '',
        generationIdOrMemberEpoch: -1,
        groupInstanceId: null,
        retentionTimeMs: -1,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex, committedOffset: offset, committedLeaderEpoch: 0, committedMetadata: '' },
            ],
          },
        ],
      },
      context,
    );
    return topics[0]!.partitions[0]!.errorCode;
  }

  /** −1: nothing is committed. */
  async fetch(groupId: string, topic = 'telemetry'): Promise<{ errorCode: number; offset: number }> {
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const group = { groupId, topics, memberId: null, memberEpoch: -1 };
    const { groups = [] } = await this.groups.offsetFetch(
      { groupId: '', topics: [], groups: [group], requireStable: true },
      context,
    );
    const { errorCode = ErrorCode.NONE, topics: fetched } = groups[0]!;
    return { errorCode, offset: fetched[0]?.partitions[0]?.committedOffset ?? -1 };
  }

  join(memberId: string, groupId = 'readers'): Promise<m.JoinResponse> {
    const timeouts = { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 60_000 };
    const protocols = [{ name: 'range', metadata: Buffer.from('topics') }];
    const request = { groupId, memberId, ...timeouts, protocols, protocolType: 'consumer' };
    return this.groups.joinGroup({ ...request, groupInstanceId: null, reason: null }, context);
  }

  sync(memberId: string, generationId: number, groupId = 'readers'): Promise<m.SyncResponse> {
    return this.groups.syncGroup(
      {
        groupId,
        generationId,
        memberId,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: [{ memberId, assignment: Buffer.from('all of it') }],
      },
      context,
    );
  }

  async heartbeat(memberId: string, generationId: number, groupId = 'readers'): Promise<number> {
    const request = { groupId, memberId, generationId, groupInstanceId: null };
    return (await this.groups.heartbeat(request, context)).errorCode;
  }

  async describe(groupId: string): Promise<{ errorCode: number; groupState: string }> {
    const request = { groups: [groupId], includeAuthorizedOperations: false };
    const { errorCode = ErrorCode.NONE, groupState } = (await this.groups.describeGroups(request, context))
      .groups[0]!;
    return { errorCode, groupState };
  }

  async list(): Promise<{ errorCode: number; groupIds: string[] }> {
    const { errorCode, groups } = await this.groups.listGroups(
      { statesFilter: [], typesFilter: [] },
      context,
    );
    return { errorCode, groupIds: groups.map(({ groupId }) => groupId) };
  }
}

/**
 * The only partition of `__consumer_offsets` and two brokers of which one leads it, as tests want it. What the new leader has of the
 * log is what was committed, and as much of the rest as is asked for. Imported by tests only.
 */
export class MovingOffsets {
  static #logs = 0;
  readonly nodes: readonly [Node, Node];
  readonly #store: LogStore;
  #epoch = 0;
  #log: PartitionLog;

  constructor(store: LogStore, deps: Partial<GroupServiceDeps> = {}) {
    this.#store = store;
    this.nodes = [new Node(deps), new Node(deps)];
    this.#log = this.#createLog();
    this.nodes[0].become(this.#log, this.#epoch);
  }

  get log(): PartitionLog {
    return this.#log;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** `kept`: how much of what was flushed and not committed the new leader has, 0 … 1. */
  async move(from: Node, to: Node, kept = 1): Promise<void> {
    await this.#store.flushed();
    this.#epoch++;
    const { highWatermark } = from.partition;
    const { logStartOffset, flushedEndOffset } = this.#log;
    const end = highWatermark + Math.floor((flushedEndOffset - highWatermark) * kept);
    const log = this.#createLog(logStartOffset);
    for (const bytes of this.#log.read(logStartOffset, { maxBytes: 2 ** 30 }).batches) {
      for (const { at, header } of iterateBatches(bytes)) {
        if (header.lastOffset >= end) break;
        const batch = Buffer.from(bytes.subarray(at, at + header.sizeBytes));
        const { partitionLeaderEpoch: leaderEpoch } = header;
        const result = log.append(batch, header, { leaderEpoch, offsets: 'verbatim' });
        assert(result.ok, 'a copy is a copy');
      }
    }
    from.replication.fail('NOT_LEADER_OR_FOLLOWER');
    from.become(undefined, this.#epoch);
    await this.#store.flushed();
    this.#log = log;
    to.become(log, this.#epoch, highWatermark);
  }

  #createLog(startOffset = 0): PartitionLog {
    return this.#store.createPartition(`log-${MovingOffsets.#logs++}`, startOffset);
  }

  async stop(): Promise<void> {
    for (const { groups } of this.nodes) await groups.stop();
  }
}

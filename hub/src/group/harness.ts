import { assert } from '@edgelog/base';
import { ErrorCode, type ErrorName, errorName, type NamedPartitions } from '@edgelog/wire';
import { noTopics, type TopicsView } from './consumer/topics.ts';
import type * as m from './messages.ts';
import type { GroupRecord } from './records/index.ts';
import { replay } from './replay.ts';
import { defaultGroupSettings, type GroupSettings } from './settings.ts';
import { type GroupEvent, handle } from './shard.ts';
import { createShard, type Group, type Shard } from './state.ts';
import type { Removal } from './step.ts';

export const GROUP = 'readers';

export interface JoinOptions {
  memberId?: string;
  instance?: string | null;
  protocols?: readonly string[];
  metadata?: string | Buffer;
  protocolType?: string;
  sessionTimeoutMs?: number;
  rebalanceTimeoutMs?: number;
  apiVersion?: number;
  groupId?: string;
}

const text = (value: string) =>
  Buffer.concat([int(Buffer.byteLength(value)).subarray(2), Buffer.from(value)]);
const int = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const list = (items: readonly Buffer[]) => Buffer.concat([int(items.length), ...items]);

/** A consumer's metadata, of version 1: the topics, no user data, and what it still reads. */
export const subscription = (topics: readonly string[], owned: readonly NamedPartitions[]): Buffer =>
  Buffer.concat([
    Buffer.from([0, 1]),
    list(topics.map(text)),
    int(-1),
    list(owned.map(({ topic, partitions }) => Buffer.concat([text(topic), list(partitions.map(int))]))),
  ]);

export const subscriptionTo = (...topics: string[]): Buffer => subscription(topics, []);

/** A shard with a clock that tests move and the replies they look at. Imported by tests only. */
export class Harness {
  shard: Shard = createShard();
  readonly settings: GroupSettings;
  readonly log: GroupRecord[] = [];
  readonly removals: Removal[] = [];
  readonly view: TopicsView = noTopics;
  readonly replies = new Map<m.Ticket, m.Reply>();
  /** Tickets without a reply. */
  readonly open = new Set<m.Ticket>();
  now = 1_000;
  #alarms: { at: number; groupId: string }[] = [];
  #tickets = 0;
  #ids = 0;

  constructor(settings: Partial<GroupSettings> = {}) {
    this.settings = { ...defaultGroupSettings, ...settings };
  }

  send(event: GroupEvent): void {
    const step = handle(
      this.shard,
      event,
      { wallMs: this.now, steadyMs: this.now },
      this.settings,
      this.view,
    );
    this.log.push(...step.records);
    this.removals.push(...step.removals);
    this.#alarms.push(...step.wakes);
    for (const reply of step.replies) {
      assert(this.open.delete(reply.ticket), `ticket ${reply.ticket} was answered twice`);
      this.replies.set(reply.ticket, reply);
    }
  }

  ticket(): m.Ticket {
    this.open.add(++this.#tickets);
    return this.#tickets;
  }

  group(groupId = GROUP): Group | undefined {
    return this.shard.groups.get(groupId);
  }

  /** Moves the clock, waking the groups that asked for it at their times. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.#alarms.sort((a, b) => a.at - b.at);
      const next = this.#alarms[0];
      if (!next || next.at > end) break;
      this.#alarms.shift();
      this.now = Math.max(this.now, next.at);
      this.send({ type: 'wake', groupId: next.groupId });
    }
    this.now = end;
  }

  join(options: JoinOptions = {}): m.Ticket {
    const { groupId = GROUP, apiVersion = 9, sessionTimeoutMs = 10_000 } = options;
    const ticket = this.ticket();
    this.send({
      type: 'join',
      groupId,
      ticket,
      uniqueId: `${++this.#ids}`,
      context: { clientId: 'client', clientHost: '/127.0.0.1', apiVersion },
      request: {
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 20_000,
        memberId: options.memberId ?? '',
        groupInstanceId: options.instance ?? null,
        protocolType: options.protocolType ?? 'consumer',
        protocols: (options.protocols ?? ['range']).map((name) => ({
          name,
          metadata: Buffer.from(options.metadata ?? name),
        })),
        reason: null,
      },
    });
    return ticket;
  }

  sync(
    memberId: string,
    options: {
      generation?: number;
      assign?: Record<string, string | Buffer>;
      instance?: string;
      protocolType?: string;
    } = {},
  ) {
    const ticket = this.ticket();
    this.send({
      type: 'sync',
      groupId: GROUP,
      ticket,
      request: {
        groupId: GROUP,
        generationId: options.generation ?? this.group()?.generationId ?? 0,
        memberId,
        groupInstanceId: options.instance ?? null,
        protocolType: options.protocolType ?? null,
        protocolName: null,
        assignments: Object.entries(options.assign ?? {}).map(([id, text]) => ({
          memberId: id,
          assignment: Buffer.from(text),
        })),
      },
    });
    return ticket;
  }

  heartbeat(
    memberId: string,
    options: { generation?: number; instance?: string; groupId?: string } = {},
  ): ErrorName {
    const { groupId = GROUP } = options;
    const ticket = this.ticket();
    this.send({
      type: 'heartbeat',
      groupId,
      ticket,
      request: {
        groupId,
        memberId,
        generationId: options.generation ?? this.group(groupId)?.generationId ?? 0,
        groupInstanceId: options.instance ?? null,
      },
    });
    return this.error(ticket);
  }

  leave(members: { memberId?: string; instance?: string }[], apiVersion = 5): m.LeaveResponse {
    const ticket = this.ticket();
    this.send({
      type: 'leave',
      groupId: GROUP,
      ticket,
      context: { clientId: 'client', clientHost: '/127.0.0.1', apiVersion },
      request: {
        groupId: GROUP,
        memberId: apiVersion < 3 ? (members[0]?.memberId ?? '') : '',
        members: members.map(({ memberId = '', instance = null }) => ({
          memberId,
          groupInstanceId: instance,
          reason: null,
        })),
      },
    });
    return this.reply('leave', ticket);
  }

  commit(options: {
    offset: number;
    topic?: string;
    partition?: number;
    memberId?: string;
    generation?: number;
    instance?: string;
    metadata?: string | null;
    retentionTimeMs?: number;
    apiVersion?: number;
    groupId?: string;
    topicExists?: boolean;
  }): ErrorName {
    const { groupId = GROUP } = options;
    const ticket = this.ticket();
    this.send({
      type: 'offsetCommit',
      groupId,
      ticket,
      context: { clientId: 'client', clientHost: '/127.0.0.1', apiVersion: options.apiVersion ?? 9 },
      topicExists: () => options.topicExists ?? true,
      request: {
        groupId,
        memberId: options.memberId ?? '',
        generationIdOrMemberEpoch: options.generation ?? -1,
        groupInstanceId: options.instance ?? null,
        retentionTimeMs: options.retentionTimeMs ?? -1,
        topics: [
          {
            name: options.topic ?? 'telemetry',
            partitions: [
              {
                partitionIndex: options.partition ?? 0,
                committedOffset: options.offset,
                committedLeaderEpoch: 4,
                committedMetadata: options.metadata ?? null,
              },
            ],
          },
        ],
      },
    });
    return errorName(this.reply('offsetCommit', ticket).topics[0]!.partitions[0]!.errorCode);
  }

  deleteGroup(groupId = GROUP): ErrorName {
    const ticket = this.ticket();
    this.send({ type: 'deleteGroup', groupId, ticket });
    return errorName(this.reply('deleteGroup', ticket).errorCode);
  }

  deleteOffset(
    topic: string,
    options: { partition?: number; groupId?: string; topicExists?: boolean } = {},
  ): ErrorName {
    const { groupId = GROUP, partition = 0, topicExists = true } = options;
    const ticket = this.ticket();
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition }] }];
    this.send({
      type: 'offsetDelete',
      groupId,
      ticket,
      request: { groupId, topics },
      topicExists: () => topicExists,
    });
    const { errorCode, topics: answered } = this.reply('offsetDelete', ticket);
    return errorName(errorCode || answered[0]!.partitions[0]!.errorCode);
  }

  committed(topic = 'telemetry', partition = 0, groupId = GROUP): number | undefined {
    return this.group(groupId)?.offsets.get(topic)?.get(partition)?.offset;
  }

  reply<K extends m.ApiKind>(kind: K, ticket: m.Ticket): m.Bodies[K] {
    const reply = this.replies.get(ticket);
    assert(reply?.kind === kind, `ticket ${ticket} has ${reply ? `a ${reply.kind} reply` : 'no reply'}`);
    return reply.body as m.Bodies[K];
  }

  error(ticket: m.Ticket): ErrorName {
    const reply = this.replies.get(ticket);
    assert(reply && 'errorCode' in reply.body, `ticket ${ticket} has no reply`);
    return errorName(reply.body.errorCode);
  }

  /** Asks for a member id and gives it. */
  memberId(options: JoinOptions = {}): string {
    const { errorCode, memberId } = this.reply('join', this.join(options));
    assert(
      errorCode === ErrorCode.MEMBER_ID_REQUIRED,
      `MEMBER_ID_REQUIRED expected, not ${errorName(errorCode)}`,
    );
    return memberId;
  }

  /** A stable group of as many dynamic members; the first leads, each is assigned its own id. */
  stable(count: number, options: JoinOptions = {}): string[] {
    const ids = Array.from({ length: count }, () => this.memberId(options));
    const joins = ids.map((memberId) => this.join({ ...options, memberId }));
    this.advance(this.settings.initialRebalanceDelayMs * 2);
    const { leader } = this.reply('join', joins[0]!);
    for (const id of ids) if (id !== leader) this.sync(id);
    this.sync(leader, { assign: Object.fromEntries(ids.map((id) => [id, id])) });
    assert(this.group()?.state === 'Stable', 'the group is stable');
    return ids;
  }

  /** Another coordinator takes over: nobody who waits is answered. */
  failOver(): void {
    this.shard = this.recovered();
    this.#alarms = [];
    this.open.clear();
    this.send({ type: 'loaded' });
  }

  /** What a coordinator that takes over would know. */
  recovered(): Shard {
    const shard = createShard();
    for (const record of this.log) replay(shard, record);
    return shard;
  }
}

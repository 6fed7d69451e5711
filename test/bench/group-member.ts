import { randomUUID } from 'node:crypto';
import { apis, ErrorCode, errorName, readConsumerAssignment, writeConsumerAssignment } from '@edgelog/wire';
import { subscriptionTo } from '../../hub/src/group/harness.ts';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { sleep } from '../harness/wait.ts';

export type Protocol = 'classic' | 'consumer';

export interface MemberOptions {
  readonly port: number;
  readonly groupId: string;
  readonly topic: string;
  readonly partitions: number;
  /** Of classic members; those of the new protocol are told. */
  readonly heartbeatMs: number;
}

const HEARTBEAT = 4;
const JOIN = 9;
const SYNC = 5;
const LEAVE = 5;
const CONSUMER_HEARTBEAT = 1;
const NOT_YET: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]);
const TIMEOUTS = { sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 };

/** A group member that reads nothing: it does what keeps it in, and knows how many partitions it has. */
export abstract class GroupMember {
  readonly options: MemberOptions;
  /** Partitions that it was assigned; undefined while it has no place in the generation. */
  assigned: number | undefined;
  protected readonly client: RawClient;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(client: RawClient, options: MemberOptions) {
    this.client = client;
    this.options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Goes with a word. */
  async leave(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.sayGoodbye();
    this.client.end();
  }

  /** Goes without: its connection is cut. */
  end(): void {
    this.#stopped = true;
    this.client.end();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) await sleep(await this.turn());
    } catch (error) {
      if (!this.#stopped) throw error;
    }
  }

  /** One exchange with the coordinator; gives the milliseconds until the next. */
  protected abstract turn(): Promise<number>;
  protected abstract sayGoodbye(): Promise<void>;
}

export async function connectMember(protocol: Protocol, options: MemberOptions): Promise<GroupMember> {
  const client = await RawClient.connect(options.port);
  const member =
    protocol === 'classic' ? new ClassicMember(client, options) : new ConsumerMember(client, options);
  member.start();
  return member;
}

/** An eager consumer; as leader it deals the topic out in turn. */
class ClassicMember extends GroupMember {
  #memberId = '';
  #generationId = -1;

  protected async turn(): Promise<number> {
    const { groupId, heartbeatMs } = this.options;
    if (this.assigned === undefined) return this.#join();
    const member = { memberId: this.#memberId, generationId: this.#generationId, groupInstanceId: null };
    const { errorCode } = await this.client.call(apis.heartbeat, HEARTBEAT, { groupId, ...member });
    if (errorCode === ErrorCode.NONE) return heartbeatMs;
    this.assigned = undefined;
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#memberId = '';
    return 0;
  }

  async #join(): Promise<number> {
    const { groupId, topic } = this.options;
    const protocols = [{ name: 'range', metadata: subscriptionTo(topic) }];
    const joined = await this.client.call(apis.joinGroup, JOIN, {
      ...{ groupId, ...TIMEOUTS, memberId: this.#memberId, groupInstanceId: null },
      ...{ protocolType: 'consumer', protocols, reason: null },
    });
    const { errorCode } = joined;
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#memberId = '';
    else this.#memberId = joined.memberId;
    if (errorCode !== ErrorCode.NONE) return errorCode === ErrorCode.MEMBER_ID_REQUIRED ? 0 : 100;
    this.#generationId = joined.generationId;
    const leads = joined.leader === joined.memberId;
    const synced = await this.client.call(apis.syncGroup, SYNC, {
      ...{ groupId, generationId: joined.generationId, memberId: joined.memberId, groupInstanceId: null },
      ...{ protocolType: 'consumer', protocolName: 'range' },
      assignments: leads ? this.#share(joined.members.map(({ memberId }) => memberId)) : [],
    });
    if (synced.errorCode !== ErrorCode.NONE) return 0;
    const parts = readConsumerAssignment(synced.assignment);
    this.assigned = parts.reduce((sum, { partitions }) => sum + partitions.length, 0);
    return this.options.heartbeatMs;
  }

  #share(memberIds: readonly string[]): { memberId: string; assignment: Buffer }[] {
    const { topic } = this.options;
    return memberIds.map((memberId, i) => {
      const partitions: number[] = [];
      for (let p = i; p < this.options.partitions; p += memberIds.length) partitions.push(p);
      return { memberId, assignment: writeConsumerAssignment(1, [{ topic, partitions }]) };
    });
  }

  protected async sayGoodbye(): Promise<void> {
    const members = [{ memberId: this.#memberId, groupInstanceId: null, reason: null }];
    await this.client.call(apis.leaveGroup, LEAVE, { groupId: this.options.groupId, memberId: '', members });
  }
}

/** A consumer of the new protocol, which lets go of partitions as soon as it is told. */
class ConsumerMember extends GroupMember {
  readonly #memberId = randomUUID();
  #epoch = 0;
  #owned: readonly { topicId: string; partitions: readonly number[] }[] = [];
  #changed = true;

  protected async turn(): Promise<number> {
    const { topic } = this.options;
    const joining = this.#epoch === 0;
    const answer = await this.#beat(this.#epoch, {
      rebalanceTimeoutMs: joining ? TIMEOUTS.rebalanceTimeoutMs : -1,
      subscribedTopicNames: joining ? [topic] : null,
      topicPartitions: this.#changed ? this.#owned : null,
    });
    const { errorCode, memberEpoch, heartbeatIntervalMs, assignment } = answer;
    if (NOT_YET.has(errorCode)) return 100;
    if (errorCode !== ErrorCode.NONE) throw new Error(`heartbeat: ${errorName(errorCode)}`);
    this.#epoch = memberEpoch;
    this.#changed = assignment !== null;
    if (assignment) this.#owned = assignment.topicPartitions;
    this.assigned = this.#owned.reduce((sum, { partitions }) => sum + partitions.length, 0);
    // What it gave up is told at once, as Kafka's consumer does.
    return this.#changed ? 0 : heartbeatIntervalMs;
  }

  #beat(
    memberEpoch: number,
    more: {
      rebalanceTimeoutMs: number;
      subscribedTopicNames: string[] | null;
      topicPartitions: readonly { topicId: string; partitions: readonly number[] }[] | null;
    },
  ) {
    return this.client.call(apis.consumerGroupHeartbeat, CONSUMER_HEARTBEAT, {
      ...{ groupId: this.options.groupId, memberId: this.#memberId, memberEpoch },
      ...{ instanceId: null, rackId: null, subscribedTopicRegex: null, serverAssignor: null },
      ...more,
    });
  }

  protected async sayGoodbye(): Promise<void> {
    await this.#beat(-1, { rebalanceTimeoutMs: -1, subscribedTopicNames: null, topicPartitions: null });
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import type { RawClient } from '../support/raw-client.ts';
import type { CommitLedger } from './commit-ledger.ts';
import { type ClientContext, keepConnected } from './connected.ts';
import { fetchFrom, observeCommit, observeStart, storedBatches } from './observe.ts';
import type { PartitionLedger } from './partition-ledger.ts';

const SESSION_MS = 6_000;
const REBALANCE_MS = 1_000;
const PAUSE_MS = 5;
/** How often a member asks for a rebalance after a turn of reading. */
const REJOIN = 0.1;
/** The coordinator is not ready, or the membership is over: to be asked again. */
const AGAIN: readonly number[] = [
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.UNKNOWN_MEMBER_ID,
];

class Rejoin extends Error {}

function demand(what: string, errorCode: number): void {
  if (AGAIN.includes(errorCode)) throw new Rejoin(what);
  if (errorCode !== ErrorCode.NONE) throw new Error(`${what}: ${errorName(errorCode)}`);
}

interface Membership {
  groupId: string;
  memberId: string;
  generationIdOrMemberEpoch: number;
}

interface Joined {
  membership: Membership;
  assigned: readonly PartitionLedger[];
}

/** Commits one partition's offset and enters it in the ledger. */
async function commit(
  client: RawClient,
  membership: Membership,
  { topic, index }: { topic: string; index: number },
  offset: number,
  ledger: CommitLedger,
): Promise<void> {
  ledger.asked(offset);
  const partition = { partitionIndex: index, committedOffset: offset, committedMetadata: 'crash' };
  const { topics } = await client.call(apis.offsetCommit, 6, {
    ...membership,
    topics: [{ name: topic, partitions: [partition] }],
  });
  const { errorCode } = topics[0]!.partitions[0]!;
  if (errorCode === ErrorCode.NONE) ledger.settle(offset);
  else ledger.refused(offset);
  demand(`commit of ${ledger.name}`, errorCode);
}

/** Commits offsets of a group that has no members, as tools and connectors do. */
export class Committer {
  readonly #context: ClientContext;
  readonly #groupId: string;
  readonly #partitions: readonly PartitionLedger[];
  #next = 0;

  constructor(context: ClientContext, groupId: string, partitions: readonly PartitionLedger[]) {
    this.#context = context;
    this.#groupId = groupId;
    this.#partitions = partitions;
  }

  run(): Promise<void> {
    const membership = { groupId: this.#groupId, memberId: '', generationIdOrMemberEpoch: -1 };
    return keepConnected(this.#context, async (client) => {
      while (this.#context.gate.isOpen) {
        const partition = this.#partitions[this.#next % this.#partitions.length]!;
        const ledger = this.#context.book.commit(this.#groupId, partition.topic, partition.index);
        this.#next += 1;
        await commit(client, membership, partition, this.#next, ledger).catch(ignoreRejoin);
      }
    });
  }
}

function ignoreRejoin(error: unknown): undefined {
  if (!(error instanceof Rejoin)) throw error;
}

/** A member of a consumer group: reads what it is assigned, enters what it saw, commits after each read. */
export class GroupMember {
  readonly #context: ClientContext;
  readonly #groupId: string;
  readonly #partitions: readonly PartitionLedger[];
  #memberId = '';
  /** Outlives connections, as a client's does. */
  #joined: Joined | undefined;
  /** Batches read. */
  seen = 0;
  generations = 0;

  constructor(context: ClientContext, groupId: string, partitions: readonly PartitionLedger[]) {
    this.#context = context;
    this.#groupId = groupId;
    this.#partitions = partitions;
  }

  run(): Promise<void> {
    return keepConnected(this.#context, async (client) => {
      while (this.#context.gate.isOpen) {
        this.#joined ??= await this.#join(client).catch(ignoreRejoin);
        if (this.#joined) await this.#consume(client, this.#joined).catch((error) => this.#left(error));
        await sleep(PAUSE_MS);
      }
    });
  }

  #left(error: unknown): void {
    ignoreRejoin(error);
    this.#joined = undefined;
  }

  async #consume(client: RawClient, { membership, assigned }: Joined): Promise<void> {
    const positions = new Map<PartitionLedger, number>();
    for (const partition of assigned) {
      const { topic, index } = partition;
      const committed = await observeCommit(client, this.#groupId, topic, index);
      const problem = this.#context.book.commit(this.#groupId, topic, index).check(committed);
      if (problem !== undefined) throw new Error(problem);
      positions.set(partition, Math.max(0, committed));
    }
    while (this.#context.gate.isOpen) {
      for (const [partition, position] of positions)
        positions.set(partition, await this.#read(client, membership, partition, position));
      const { groupId, memberId, generationIdOrMemberEpoch: generationId } = membership;
      const { errorCode } = await client.call(apis.heartbeat, 3, { groupId, memberId, generationId });
      demand('heartbeat', errorCode);
      if (this.#context.prng.chance(REJOIN)) throw new Rejoin('of its own accord');
      await sleep(PAUSE_MS);
    }
  }

  /** Resolves with the next position. */
  async #read(
    client: RawClient,
    membership: Membership,
    partition: PartitionLedger,
    position: number,
  ): Promise<number> {
    const { topic, index } = partition;
    const { errorCode, records } = await fetchFrom(client, topic, index, position);
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return observeStart(client, topic, index);
    demand(`fetch of ${partition.name}`, errorCode);
    const batches = storedBatches(records);
    for (const { id, baseOffset } of batches) partition.place(id, baseOffset);
    this.seen += batches.length;
    if (batches.length === 0) return position;
    const next = batches.at(-1)!.lastOffset + 1;
    const ledger = this.#context.book.commit(this.#groupId, topic, index);
    await commit(client, membership, partition, next, ledger);
    return next;
  }

  async #join(client: RawClient): Promise<Joined> {
    const joined = await client.call(apis.joinGroup, 5, {
      ...{ groupId: this.#groupId, memberId: this.#memberId, protocolType: 'consumer' },
      ...{ sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS },
      protocols: [{ name: 'range', metadata: subscriptionTo(this.#partitions.map(({ topic }) => topic)) }],
    });
    const { errorCode, memberId, generationId, leader, members } = joined;
    if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#memberId = '';
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.#memberId = memberId;
    if (errorCode === ErrorCode.MEMBER_ID_REQUIRED) return this.#join(client);
    demand('join', errorCode);
    const shareOf = (member: number) =>
      this.#partitions.flatMap((_, at) => (at % members.length === member ? [at] : []));
    const assignments = members.map((member, number) => ({
      memberId: member.memberId,
      assignment: Buffer.from(JSON.stringify(shareOf(number))),
    }));
    const synced = await client.call(apis.syncGroup, 3, {
      ...{ groupId: this.#groupId, generationId, memberId },
      assignments: leader === memberId ? assignments : [],
    });
    demand('sync', synced.errorCode);
    this.generations += 1;
    const assigned = (JSON.parse(synced.assignment.toString()) as number[]).map(
      (at) => this.#partitions[at]!,
    );
    return {
      membership: { groupId: this.#groupId, memberId, generationIdOrMemberEpoch: generationId },
      assigned,
    };
  }
}

/** ConsumerProtocolSubscription, version 0. */
function subscriptionTo(topics: readonly string[]): Buffer {
  const names = [...new Set(topics)].map((topic) => Buffer.from(topic));
  const head = Buffer.alloc(6);
  head.writeInt32BE(names.length, 2);
  const noUserData = Buffer.alloc(4, 0xff);
  return Buffer.concat([head, ...names.flatMap((name) => [lengthOf(name), name]), noUserData]);
}

function lengthOf(name: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeInt16BE(name.length);
  return length;
}

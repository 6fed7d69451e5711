import type { ConsumerState } from './consumer/state.ts';
import type { Ticket } from './messages.ts';
import type { GroupMetadataValue, OffsetCommitValue } from './records/index.ts';

/** Dead groups are not kept: it is what a group that does not exist is said to be. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable';

/** Protocol name → the member's metadata for it, in the member's order of preference. Never parsed. */
export type Protocols = ReadonlyMap<string, Buffer>;

export interface Member {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  protocols: Protocols;
  assignment: Buffer;
  /** Steady time at which the member is given up. */
  sessionDeadline: number;
  /** Of a member whose group was downgraded, until the next generation: the epoch that it knows, which may be an older one. */
  knownGeneration: number | undefined;
  /** Waits for its first generation: it does not heartbeat yet, and is given up even while it waits. */
  isNew: boolean;
  awaitingJoin: Ticket | undefined;
  awaitingSync: Ticket | undefined;
}

/** When the join phase ends; `initial` while a new group gathers its first members. */
export type JoinTimer =
  | { readonly kind: 'rebalance'; readonly at: number }
  | { readonly kind: 'initial'; readonly at: number; readonly delayMs: number; readonly remainingMs: number };

export interface Group {
  readonly groupId: string;
  state: GroupState;
  previousState: GroupState;
  /** Wall time of the last change of state; −1 when an old record did not say. */
  stateTimestamp: number;
  generationId: number;
  /** Null for a group that only stores offsets. */
  protocolType: string | null;
  protocolName: string | null;
  leaderId: string | null;
  readonly members: Map<string, Member>;
  /** group.instance.id → member id */
  readonly staticMembers: Map<string, string>;
  /** Member ids that were handed out and not used yet → steady time at which they are forgotten. */
  readonly pendingJoin: Map<string, number>;
  /** Members of this generation that have not asked for their assignment. */
  readonly pendingSync: Set<string>;
  /** Protocol name → how many members support it. */
  readonly protocolCounts: Map<string, number>;
  /** Members with `awaitingJoin`. */
  awaitingJoinCount: number;
  /** Bytes of all members' protocol metadata. */
  metadataBytes: number;
  joinTimer: JoinTimer | undefined;
  syncDeadline: number | undefined;
  newMemberAdded: boolean;
  /** Earliest steady time at which the shell was asked to wake this group. */
  wakeAt: number;
  /** The value of the group's last record: what recovery gives. Undefined when there is none. */
  recorded: GroupMetadataValue | undefined;
  /** Of a group of the new protocol [KIP-848]; all that is above then says that the classic one is empty. */
  consumer: ConsumerState | undefined;
  /** Topic → partition → committed offset. */
  readonly offsets: Map<string, Map<number, OffsetCommitValue>>;
}

/** The groups of one partition of `__consumer_offsets`. */
export interface Shard {
  readonly groups: Map<string, Group>;
}

export const createShard = (): Shard => ({ groups: new Map() });

export function createGroup(groupId: string): Group {
  return {
    groupId,
    state: 'Empty',
    previousState: 'Empty',
    stateTimestamp: -1,
    generationId: 0,
    protocolType: null,
    protocolName: null,
    leaderId: null,
    members: new Map(),
    staticMembers: new Map(),
    pendingJoin: new Map(),
    pendingSync: new Set(),
    protocolCounts: new Map(),
    awaitingJoinCount: 0,
    metadataBytes: 0,
    joinTimer: undefined,
    syncDeadline: undefined,
    newMemberAdded: false,
    wakeAt: Number.POSITIVE_INFINITY,
    recorded: undefined,
    consumer: undefined,
    offsets: new Map(),
  };
}

/** Finds the group, or registers a new empty one. */
export function groupOf(shard: Shard, groupId: string): Group {
  const existing = shard.groups.get(groupId);
  if (existing) return existing;
  const created = createGroup(groupId);
  shard.groups.set(groupId, created);
  return created;
}

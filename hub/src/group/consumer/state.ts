import type { ConsumerMemberValue } from '../records/index.ts';
import { type Assignment, NOTHING } from './assignment.ts';

/** As in the record. */
export const MemberState = {
  /** Has all of its target. */
  stable: 0,
  /** Has partitions to give up before it can go on. */
  unrevoked: 1,
  /** Waits for partitions that others have not given up. */
  unreleased: 2,
} as const;

/** Member epochs that say something else. */
export const JOINING = 0;
export const LEAVING = -1;
/** A static member that will be back within its session. */
export const AWAY = -2;

/** How far a member has come towards its target. */
export interface Current {
  readonly memberEpoch: number;
  /** In case the answer with the newer one was lost. */
  readonly previousMemberEpoch: number;
  /** One of MemberState. */
  readonly state: number;
  readonly assigned: Assignment;
  readonly pendingRevocation: Assignment;
}

export const newCurrent: Current = {
  memberEpoch: JOINING,
  previousMemberEpoch: JOINING,
  state: MemberState.stable,
  assigned: NOTHING,
  pendingRevocation: NOTHING,
};

export interface ConsumerMember {
  readonly memberId: string;
  said: ConsumerMemberValue;
  current: Current;
  /** Steady time at which the member is given up; infinite right after recovery. */
  sessionDeadline: number;
  /**
   * Steady time by which it must have given up partitions or, speaking the classic protocol, have joined or asked for its assignment;
   * infinite when it need not.
   */
  rebalanceDeadline: number;
}

/** A group of the new protocol. Replay gives all of it but the members' deadlines and `refreshAt`. */
export interface ConsumerState {
  /** Grows with every change that asks for a new target. */
  epoch: number;
  /** Of the topics that `epoch` was made for. */
  metadataHash: bigint;
  /** The epoch that the targets were made for. */
  assignmentEpoch: number;
  readonly members: Map<string, ConsumerMember>;
  /** group.instance.id → member id */
  readonly staticMembers: Map<string, string>;
  /** Member id → what it is to have. */
  readonly targets: Map<string, Assignment>;
  /** Pattern → the topics that matched. */
  readonly patterns: Map<string, readonly string[]>;
  /** Topic id → partition → the member that has it, or still has to give it up. */
  readonly owners: Map<string, Map<number, string>>;
  /** Steady time at which topics are looked at again. */
  refreshAt: number;
}

export const createConsumerState = (): ConsumerState => ({
  epoch: 0,
  metadataHash: 0n,
  assignmentEpoch: 0,
  members: new Map(),
  staticMembers: new Map(),
  targets: new Map(),
  patterns: new Map(),
  owners: new Map(),
  refreshAt: 0,
});

export const isReconciled = (current: Current, targetEpoch: number) =>
  current.state === MemberState.stable && current.memberEpoch === targetEpoch;

export const isClassic = ({ said }: ConsumerMember) => said.classicMemberMetadata !== null;

/** A static member of the new protocol keeps its place until it says that it goes; one of the classic protocol never says. */
export const canBeReplaced = (member: ConsumerMember) =>
  member.current.memberEpoch === AWAY || isClassic(member);

export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export function stateOf({ members, epoch, assignmentEpoch }: ConsumerState): ConsumerGroupState {
  if (members.size === 0) return 'Empty';
  if (epoch > assignmentEpoch) return 'Assigning';
  for (const { current } of members.values())
    if (!isReconciled(current, assignmentEpoch)) return 'Reconciling';
  return 'Stable';
}

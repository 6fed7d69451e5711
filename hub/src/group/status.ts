import type { Group } from './state.ts';

/** A group as an operator looks at it. */
export interface GroupStatus {
  groupId: string;
  state: Group['state'];
  /** `consumer`, `connect` …; empty for a group that only stores offsets. */
  protocolType: string;
  /** The assignor in use; empty while there is none. */
  protocol: string;
  generationId: number;
  members: {
    memberId: string;
    groupInstanceId: string | null;
    clientId: string;
    clientHost: string;
    isLeader: boolean;
  }[];
}

export interface CommittedOffset {
  topic: string;
  partition: number;
  offset: number;
  leaderEpoch: number;
  metadata: string;
  /** Wall time, milliseconds since the epoch. */
  commitTimestamp: number;
}

export function statusOf(group: Group): GroupStatus {
  return {
    groupId: group.groupId,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocol: group.protocolName ?? '',
    generationId: group.generationId,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      isLeader: member.memberId === group.leaderId,
    })),
  };
}

export function committedOffsetsOf(group: Group): CommittedOffset[] {
  const all: CommittedOffset[] = [];
  for (const [topic, partitions] of group.offsets) {
    for (const [partition, { offset, leaderEpoch, metadata, commitTimestamp }] of partitions) {
      all.push({ topic, partition, offset, leaderEpoch, metadata, commitTimestamp });
    }
  }
  return all;
}

import { type ConsumerGroupState, type ConsumerState, stateOf } from './consumer/state.ts';
import { assignorOf } from './consumer/target.ts';
import type { Group } from './state.ts';

/** A group as an operator looks at it. */
export interface GroupStatus {
  groupId: string;
  state: Group['state'] | ConsumerGroupState;
  /** `consumer`, `connect` …; empty for a group that only stores offsets. */
  protocolType: string;
  /** The assignor in use; empty while there is none. */
  protocol: string;
  /** Of a group of the new protocol its epoch. */
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
  if (group.consumer) return consumerStatus(group.groupId, group.consumer);
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

/** Nobody leads a group of the new protocol. */
function consumerStatus(groupId: string, consumer: ConsumerState): GroupStatus {
  return {
    groupId,
    state: stateOf(consumer),
    protocolType: 'consumer',
    protocol: assignorOf(consumer),
    generationId: consumer.epoch,
    members: Array.from(consumer.members.values(), ({ memberId, said }) => ({
      memberId,
      groupInstanceId: said.instanceId,
      clientId: said.clientId,
      clientHost: said.clientHost,
      isLeader: false,
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

import type { apis, RequestOf, ResponseOf } from '@edgelog/wire';

export type JoinRequest = RequestOf<typeof apis.joinGroup>;
export type JoinResponse = ResponseOf<typeof apis.joinGroup>;
export type SyncRequest = RequestOf<typeof apis.syncGroup>;
export type SyncResponse = ResponseOf<typeof apis.syncGroup>;
export type HeartbeatRequest = RequestOf<typeof apis.heartbeat>;
export type HeartbeatResponse = ResponseOf<typeof apis.heartbeat>;
export type LeaveRequest = RequestOf<typeof apis.leaveGroup>;
export type LeaveResponse = ResponseOf<typeof apis.leaveGroup>;
export type OffsetCommitRequest = RequestOf<typeof apis.offsetCommit>;
export type OffsetCommitResponse = ResponseOf<typeof apis.offsetCommit>;
export type OffsetFetchRequest = RequestOf<typeof apis.offsetFetch>;
export type OffsetFetchResponse = ResponseOf<typeof apis.offsetFetch>;
export type DescribeGroupsRequest = RequestOf<typeof apis.describeGroups>;
export type DescribeGroupsResponse = ResponseOf<typeof apis.describeGroups>;
export type DeleteGroupsRequest = RequestOf<typeof apis.deleteGroups>;
export type DeleteGroupsResponse = ResponseOf<typeof apis.deleteGroups>;
export type OffsetDeleteRequest = RequestOf<typeof apis.offsetDelete>;
export type OffsetDeleteResponse = ResponseOf<typeof apis.offsetDelete>;
export type ListGroupsRequest = RequestOf<typeof apis.listGroups>;
export type ListGroupsResponse = ResponseOf<typeof apis.listGroups>;

export type ConsumerHeartbeatRequest = RequestOf<typeof apis.consumerGroupHeartbeat>;
export type ConsumerHeartbeatResponse = ResponseOf<typeof apis.consumerGroupHeartbeat>;
export type ConsumerDescribeRequest = RequestOf<typeof apis.consumerGroupDescribe>;
export type ConsumerDescribeResponse = ResponseOf<typeof apis.consumerGroupDescribe>;

/** Who asks, as the connection knows it. */
export interface RequestContext {
  clientId: string | null;
  /** Address as Kafka writes it: `/127.0.0.1`. */
  clientHost: string;
  apiVersion: number;
}

/**
 * UTF-16 units of a name that may go into a record: whatever they are, they fit Kafka's 32,767 bytes. The wire's compact
 * strings may be longer.
 */
export const NAME_UNITS_MAX = 10_000;

/** Names one waiting request; the shell knows whose it is. */
export type Ticket = number;

/** The answers that events give, by kind. */
export interface Bodies {
  join: JoinResponse;
  sync: SyncResponse;
  heartbeat: HeartbeatResponse;
  leave: LeaveResponse;
  offsetCommit: OffsetCommitResponse;
  deleteGroup: DeleteGroupsResponse['results'][number];
  offsetDelete: OffsetDeleteResponse;
  consumerHeartbeat: ConsumerHeartbeatResponse;
}
export type ApiKind = keyof Bodies;

export type Reply = {
  [K in ApiKind]: { readonly kind: K; readonly ticket: Ticket; readonly body: Bodies[K] };
}[ApiKind];

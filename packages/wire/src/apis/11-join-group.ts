import { array, bool, bytes, int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Joins a group: the response comes when the rebalance's join phase ends. Member metadata is opaque.
 *
 * 1 tells the rebalance timeout apart from the session timeout; from 4 on a new member is first given its id
 * (MEMBER_ID_REQUIRED); 5 adds static members; 6 is flexible; 9 may tell the leader to skip the assignment [KIP-814].
 */
export const joinGroup = api({
  name: 'JoinGroup',
  key: 11,
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ since: 1, default: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ since: 5, nullable: 5, default: null }),
    protocolType: string(),
    protocols: array({
      name: string(),
      metadata: bytes(),
    }),
    reason: string({ since: 8, nullable: 8, default: null, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ since: 7, nullable: 7, default: null, ignorable: true }),
    protocolName: string({ nullable: 7 }),
    leader: string(),
    skipAssignment: bool({ since: 9, default: false }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 5, nullable: 5, default: null, ignorable: true }),
      metadata: bytes(),
    }),
  },
});

import { array, int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Takes members out of a group: one up to version 2, several from 3 on. 4 is flexible.
 */
export const leaveGroup = api({
  name: 'LeaveGroup',
  key: 13,
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string(),
    memberId: string({ until: 2 }),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: 0, default: null }),
        reason: string({ since: 5, nullable: 5, default: null, ignorable: true }),
      },
      { since: 3 },
    ),
  },
  response: {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullable: 0 }),
        errorCode: int16(),
      },
      { since: 3 },
    ),
  },
});

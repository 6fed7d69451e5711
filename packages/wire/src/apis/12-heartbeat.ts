import { int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Keeps a member in its group. 3 adds static members, 4 is flexible.
 */
export const heartbeat = api({
  name: 'Heartbeat',
  key: 12,
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: 3, default: null }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
  },
});

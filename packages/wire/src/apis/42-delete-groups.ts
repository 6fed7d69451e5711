import { array, int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Deletes groups without members, with all they committed. 2 is flexible.
 */
export const deleteGroups = api({
  name: 'DeleteGroups',
  key: 42,
  versions: [0, 2],
  flexible: 2,
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array({
      groupId: string(),
      errorCode: int16(),
    }),
  },
});

import { array, int16, int32, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Deletes what a group committed for some partitions.
 */
export const offsetDelete = api({
  name: 'OffsetDelete',
  key: 47,
  versions: [0, 0],
  request: {
    groupId: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
  response: {
    errorCode: int16(),
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
});

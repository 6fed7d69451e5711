import { ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

/** ListPartitionReassignments: none are under way, since a standalone broker has nowhere to move a replica to. */
export const listPartitionReassignments: Handler<'listPartitionReassignments'> = () => ({
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  topics: [],
});

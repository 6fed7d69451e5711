import { ErrorCode, type ErrorName } from '@edgelog/wire';
import type {
  LeaveResponse,
  OffsetCommitRequest,
  OffsetCommitResponse,
  OffsetFetchRequest,
  OffsetFetchResponse,
} from './messages.ts';
import { fetched } from './offsets.ts';

/** Several groups in one request, and one answer for each. */
export const FETCH_GROUPS_SINCE = 8;
/** Older versions have no place for an error but beside each partition. */
const FETCH_ERROR_SINCE = 2;
const LEAVE_LIST_SINCE = 3;

export const heartbeatFailure = (error: ErrorName) => ({ throttleTimeMs: 0, errorCode: ErrorCode[error] });

export function leaveFailure(error: ErrorName, apiVersion: number): LeaveResponse {
  const failure = { throttleTimeMs: 0, errorCode: ErrorCode[error] };
  return apiVersion >= LEAVE_LIST_SINCE ? { ...failure, members: [] } : failure;
}

export function commitFailure(error: ErrorName, { topics }: OffsetCommitRequest): OffsetCommitResponse {
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: ErrorCode[error] })),
    })),
  };
}

export const fetchGroupFailure = (error: ErrorName, groupId: string) => ({
  groupId,
  topics: [],
  errorCode: ErrorCode[error],
});

export function fetchFailure(
  error: ErrorName,
  { topics }: OffsetFetchRequest,
  apiVersion: number,
): OffsetFetchResponse {
  if (apiVersion >= FETCH_ERROR_SINCE) return { throttleTimeMs: 0, topics: [], errorCode: ErrorCode[error] };
  const failed = (topics ?? []).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((index) => fetched(index, undefined, error)),
  }));
  return { throttleTimeMs: 0, topics: failed };
}

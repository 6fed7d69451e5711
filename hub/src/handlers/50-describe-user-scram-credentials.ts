import { ErrorCode, type ErrorName } from '@edgelog/wire';
import { repeatedIn } from '../repeated.ts';
import type { Handler, Item } from './handler.ts';

/**
 * DescribeUserScramCredentials: there are no users. Asked for all (null or an empty list) the answer is empty; a user asked
 * for by name is RESOURCE_NOT_FOUND, one named twice DUPLICATE_RESOURCE, as in Kafka.
 */
export const describeUserScramCredentials: Handler<'describeUserScramCredentials'> = (request) => {
  const names = request.users?.map(({ name }) => name) ?? [];
  const repeated = repeatedIn(names);
  const results = [...new Set(names)].map((user) =>
    repeated.has(user)
      ? refuse(user, 'DUPLICATE_RESOURCE', `the request names user ${user} more than once`)
      : refuse(user, 'RESOURCE_NOT_FOUND', `user ${user} has no SCRAM credentials`),
  );
  return { errorCode: ErrorCode.NONE, errorMessage: null, results };
};

function refuse(
  user: string,
  error: ErrorName,
  errorMessage: string,
): Item<'describeUserScramCredentials', 'results'> {
  return { user, errorCode: ErrorCode[error], errorMessage, credentialInfos: [] };
}

import type { ErrorName } from '@edgelog/wire';
import type { ConsumerState } from './state.ts';

/** From this version an OffsetCommit has a member epoch. */
const MEMBER_EPOCH_SINCE = 9;

/** Why a commit is refused: only members of the right epoch may, or an operator while there are none. */
export function consumerCommitError(
  { members }: ConsumerState,
  memberId: string,
  memberEpoch: number,
  apiVersion: number,
): ErrorName | undefined {
  if (memberEpoch < 0 && members.size === 0) return undefined;
  const member = members.get(memberId);
  if (!member) return 'UNKNOWN_MEMBER_ID';
  if (apiVersion < MEMBER_EPOCH_SINCE) return 'UNSUPPORTED_VERSION';
  return member.current.memberEpoch === memberEpoch ? undefined : 'STALE_MEMBER_EPOCH';
}

/** Why a fetch is refused; whoever gives neither member nor epoch may read. */
export function consumerFetchError(
  { members }: ConsumerState,
  memberId: string | null,
  memberEpoch: number,
): ErrorName | undefined {
  if (memberId === null && memberEpoch < 0) return undefined;
  const member = members.get(memberId ?? '');
  if (!member) return 'UNKNOWN_MEMBER_ID';
  return member.current.memberEpoch === memberEpoch ? undefined : 'STALE_MEMBER_EPOCH';
}

import type { ErrorName } from '@edgelog/wire';
import { type ConsumerMember, type ConsumerState, isClassic } from './state.ts';

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
  if (apiVersion < MEMBER_EPOCH_SINCE && !isClassic(member)) return 'UNSUPPORTED_VERSION';
  return epochError(member, memberEpoch);
}

/**
 * Whether a member that does not know yet of its newest epoch, for the answer that tells it is on its way, may commit all the same: it had the
 * partition in the epoch before, and has not given it up.
 */
export function hasSinceBefore(
  { members, owners }: ConsumerState,
  memberId: string,
  memberEpoch: number,
  topicId: string | undefined,
  partition: number,
): boolean {
  if (memberEpoch <= 0 || members.get(memberId)?.current.previousMemberEpoch !== memberEpoch) return false;
  return owners.get(topicId ?? '')?.get(partition) === memberId;
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
  return epochError(member, memberEpoch);
}

function epochError(member: ConsumerMember, memberEpoch: number): ErrorName | undefined {
  if (member.current.memberEpoch === memberEpoch) return undefined;
  return isClassic(member) ? 'ILLEGAL_GENERATION' : 'STALE_MEMBER_EPOCH';
}

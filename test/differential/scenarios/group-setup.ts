import { ErrorCode, type ResponseOutput } from '@edgelog/wire';
import { until } from '../../harness/wait.ts';
import type { Peer } from '../peer.ts';

const PROTOCOLS = [{ name: 'range', metadata: Buffer.from('m') }];

/** Waits until the coordinator of a group answers: Kafka makes its topic of offsets when it is first asked for. */
export async function ready(peer: Peer, groupId: string): Promise<void> {
  await until(`the coordinator of ${groupId} answers`, async () => {
    const { coordinators } = await peer.must('findCoordinator', 4, {
      keyType: 0,
      coordinatorKeys: [groupId],
    } as never);
    if (coordinators[0]!.errorCode !== ErrorCode.NONE) return false;
    const { groups } = await peer.must('offsetFetch', 8, { groups: [{ groupId, topics: null }] } as never);
    return groups[0]!.errorCode === ErrorCode.NONE;
  });
}

export const join = (groupId: string, over: object = {}) =>
  ({
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: PROTOCOLS,
    ...over,
  }) as never;

/** A group of one member in its first generation. */
export async function stable(
  peer: Peer,
  groupId: string,
): Promise<{ memberId: string; generationId: number }> {
  await ready(peer, groupId);
  const { memberId } = await peer.must('joinGroup', 5, join(groupId));
  const { generationId } = await peer.must('joinGroup', 5, join(groupId, { memberId }));
  await peer.must('syncGroup', 3, {
    groupId,
    generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  } as never);
  return { memberId, generationId };
}

/** Without the ids that a coordinator draws. */
export function anonymous(response: ResponseOutput<'joinGroup'> | undefined): unknown {
  if (response === undefined) return undefined;
  const { memberId, leader, members, ...rest } = response;
  return {
    ...rest,
    leads: leader === memberId,
    isNamed: memberId !== '',
    members: members.map(({ memberId: _, ...member }) => member),
  };
}

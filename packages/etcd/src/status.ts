import type { StatusAnswer } from './answers.ts';

/** One member by its own account. */
export interface MemberStatus {
  readonly endpoint: string;
  readonly memberId: string;
  readonly version: string;
  /** Member id; undefined without a leader. */
  readonly leaderId: string | undefined;
  readonly isLeader: boolean;
  readonly revision: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly dbBytes: number;
  readonly dbBytesInUse: number;
  /** What is wrong with it, alarms included. */
  readonly errors: readonly string[];
}

export function memberStatus(endpoint: string, answer: StatusAnswer): MemberStatus {
  const { header, version, leader, errors } = answer;
  return {
    endpoint,
    memberId: header.member_id,
    version,
    leaderId: leader === '0' ? undefined : leader,
    isLeader: leader === header.member_id,
    revision: header.revision,
    raftTerm: answer.raftTerm,
    raftAppliedIndex: answer.raftAppliedIndex,
    dbBytes: answer.dbSize,
    dbBytesInUse: answer.dbSizeInUse,
    errors,
  };
}

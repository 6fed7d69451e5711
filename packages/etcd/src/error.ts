import { EdgelogError, type EdgelogErrorCode } from '@edgelog/base';

/** Why a call failed, and what that is called among Edgelog's operating faults. */
const CODES = {
  UNAVAILABLE: 'CONNECTION_LOST', // no member took the call: unreachable, without a leader, overloaded
  TIMEOUT: 'TIMEOUT',
  ABORTED: 'TIMEOUT', // by the caller's signal
  BAD_ANSWER: 'CORRUPT_FRAME', // not what etcd's gateway says
  WRONG_CLUSTER: 'CONFIG_INVALID', // the endpoints belong to different clusters
  COMPACTED: 'REFUSED',
  FUTURE_REVISION: 'REFUSED',
  LEASE_NOT_FOUND: 'REFUSED',
  LEASE_EXISTS: 'REFUSED',
  NO_SPACE: 'LIMIT_EXCEEDED', // the NOSPACE alarm: etcd takes no writes until compacted, defragmented, disarmed
  CORRUPT: 'REFUSED', // the CORRUPT alarm: members disagree about the data
  TOO_LARGE: 'LIMIT_EXCEEDED',
  TOKEN_INVALID: 'REFUSED', // the client logs in again by itself; seen by callers only if that does not help
  LOGIN_FAILED: 'REFUSED',
  PERMISSION_DENIED: 'REFUSED',
  REFUSED: 'REFUSED', // anything else that etcd rejected: the message says what
} as const satisfies Record<string, EdgelogErrorCode>;

export type EtcdReason = keyof typeof CODES;

/** `notApplied`: the request changed nothing and never will. `unknown`: read again before acting. */
export type EtcdOutcome = 'notApplied' | 'unknown';

/** A failed call to etcd. For calls that only read, `outcome` has no meaning beyond "no answer". */
export class EtcdError extends EdgelogError {
  readonly reason: EtcdReason;
  readonly outcome: EtcdOutcome;

  constructor(reason: EtcdReason, outcome: EtcdOutcome, message: string, options?: { cause?: unknown }) {
    super(CODES[reason], message, options);
    this.reason = reason;
    this.outcome = outcome;
  }
}

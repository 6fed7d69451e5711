export type { KeyValue } from './answers.ts';
export {
  type CallOptions,
  EtcdClient,
  type EtcdOptions,
  type EtcdTuning,
  type LeaseOptions,
  type RangeOptions,
  type RangeResult,
} from './client.ts';
export { EtcdError, type EtcdOutcome, type EtcdReason } from './error.ts';
export type { CallEnd } from './http/caller.ts';
export type { TlsOptions } from './http/exchange.ts';
export type { Credentials } from './http/login.ts';
export type { KeyRange } from './keys.ts';
export type { LeaseKeeper } from './lease/keeper.ts';
export type { GrantedLease, LeaseStatus } from './lease/leases.ts';
export type { MemberStatus } from './status.ts';
export type { Comparison, Operation, OperationResult, Txn, TxnResult } from './txn.ts';
export type { Change, ResetCause, WatchUpdate } from './watch/cursor.ts';
export type { WatchOptions } from './watch/watch.ts';

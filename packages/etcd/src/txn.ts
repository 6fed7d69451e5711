import type { KeyValue, TxnAnswer } from './answers.ts';
import { base64, type KeyRange, rangeFields } from './keys.ts';

type Relation = '=' | '!=' | '<' | '>';
const RELATIONS = { '=': 'EQUAL', '!=': 'NOT_EQUAL', '<': 'LESS', '>': 'GREATER' } as const;

/** A condition of a transaction. Revisions and version of a key that does not exist are 0. */
export type Comparison =
  | { readonly key: string; readonly createRevision: number; readonly relation?: Relation }
  | { readonly key: string; readonly modRevision: number; readonly relation?: Relation }
  | { readonly key: string; readonly version: number; readonly relation?: Relation }
  | { readonly key: string; readonly value: string | Buffer; readonly relation?: Relation }
  | { readonly key: string; readonly lease: string; readonly relation?: Relation };

/** What a transaction does, in order; later ones see earlier ones. No key may be put twice. */
export type Operation =
  | {
      readonly put: string;
      readonly value: string | Buffer;
      readonly lease?: string;
      readonly prev?: boolean;
    }
  | { readonly delete: KeyRange; readonly prev?: boolean }
  | { readonly range: KeyRange; readonly limit?: number; readonly keysOnly?: boolean };

/** At most 128 operations and 1.5 MiB, unless etcd is set up otherwise (TOO_LARGE). */
export interface Txn {
  /** All must hold; none: always holds. */
  readonly compare?: readonly Comparison[];
  readonly success?: readonly Operation[];
  readonly failure?: readonly Operation[];
}

/** Result of one operation, at its place in the list. */
export type OperationResult =
  | {
      readonly kind: 'range';
      readonly kvs: readonly KeyValue[];
      readonly count: number;
      readonly more: boolean;
    }
  | { readonly kind: 'put'; readonly prev: KeyValue | undefined }
  | { readonly kind: 'delete'; readonly deleted: number; readonly prev: readonly KeyValue[] };

export interface TxnResult {
  /** Whether the comparisons held, so which list of operations ran. */
  readonly succeeded: boolean;
  /** The store's revision after the transaction; of its changes, if there were any. */
  readonly revision: number;
  readonly results: readonly OperationResult[];
}

export function txnRequest(txn: Txn): object {
  return {
    compare: txn.compare?.map(compareFields),
    success: txn.success?.map(operationFields),
    failure: txn.failure?.map(operationFields),
  };
}

export function txnResult(answer: TxnAnswer): TxnResult {
  return {
    succeeded: answer.succeeded,
    revision: answer.header.revision,
    results: answer.responses.map(operationResult),
  };
}

function compareFields(comparison: Comparison): object {
  const common = { key: base64(comparison.key), result: RELATIONS[comparison.relation ?? '='] };
  if ('createRevision' in comparison)
    return { ...common, target: 'CREATE', create_revision: String(comparison.createRevision) };
  if ('modRevision' in comparison)
    return { ...common, target: 'MOD', mod_revision: String(comparison.modRevision) };
  if ('version' in comparison) return { ...common, target: 'VERSION', version: String(comparison.version) };
  if ('lease' in comparison) return { ...common, target: 'LEASE', lease: comparison.lease };
  return { ...common, target: 'VALUE', value: valueField(comparison.value) };
}

function operationFields(operation: Operation): object {
  if ('put' in operation) {
    const { put, value, lease, prev } = operation;
    return { request_put: { key: base64(put), value: valueField(value), lease, prev_kv: prev } };
  }
  if ('delete' in operation)
    return { request_delete_range: { ...rangeFields(operation.delete), prev_kv: operation.prev } };
  const { range, limit, keysOnly } = operation;
  return {
    request_range: { ...rangeFields(range), limit: limit && String(limit), keys_only: keysOnly },
  };
}

function valueField(value: string | Buffer): string {
  return typeof value === 'string' ? base64(value) : value.toString('base64');
}

/** An answer without content is a delete of nothing or an empty range: etcd then still names its kind. */
function operationResult(response: TxnAnswer['responses'][number]): OperationResult {
  const { response_range: range, response_put: put, response_delete_range: deletion } = response;
  if (range !== undefined) return { kind: 'range', kvs: range.kvs, count: range.count, more: range.more };
  if (put !== undefined) return { kind: 'put', prev: put.prev_kv };
  return { kind: 'delete', deleted: deletion?.deleted ?? 0, prev: deletion?.prev_kvs ?? [] };
}

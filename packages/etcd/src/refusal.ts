import { z } from 'zod';
import { EtcdError, type EtcdOutcome, type EtcdReason } from './error.ts';

/** gRPC status codes that tell etcd's errors apart. */
const RESOURCE_EXHAUSTED = 8;
const UNAUTHENTICATED = 16;

const fault = z.object({
  message: z.string(),
  code: z.number().optional(),
  grpc_code: z.number().optional(), // in the streams of 3.4
});

/** 3.4: `{error, message, code}`; 3.5 and later: `{code, message}`; on a stream either one is wrapped in `{error: {…}}`. */
const refusalBody = z.union([z.object({ error: fault }).transform((body) => body.error), fault]);

/** What etcd says → why the call failed. All of these are decided before the request changes anything. */
const DEFINITE: readonly (readonly [pattern: RegExp, reason: EtcdReason])[] = [
  [/revision has been compacted/, 'COMPACTED'],
  [/is a future revision/, 'FUTURE_REVISION'],
  [/lease not found/, 'LEASE_NOT_FOUND'],
  [/lease already exists/, 'LEASE_EXISTS'],
  [/database space exceeded/, 'NO_SPACE'],
  [/corrupt cluster/, 'CORRUPT'],
  [/request is too large|message larger than max|too many operations/, 'TOO_LARGE'],
  [/invalid auth token|revision (of|in) (auth store|header) is old|user name is empty/, 'TOKEN_INVALID'],
  [/authentication failed|invalid user ID or password/, 'LOGIN_FAILED'],
  [/permission denied/, 'PERMISSION_DENIED'],
  [/no leader|too many requests|not capable|learner/, 'UNAVAILABLE'],
];

/** gRPC codes of a request that etcd looked at and rejected; the others may come after the proposal was sent. */
const REJECTED = new Set([3, 5, 6, 7, 9, 11, 12]);

/**
 * The error that an answer with another status than 200, or an `error` on a stream, stands for. An answer that is not
 * etcd's (a proxy's page) says nothing about the request's fate.
 */
export function refusalOf(text: string, where: string): EtcdError {
  const parsed = refusalBody.safeParse(parseJson(text));
  if (!parsed.success) {
    return new EtcdError('UNAVAILABLE', 'unknown', `${where} did not answer as etcd: ${text.slice(0, 200)}`);
  }
  const { message } = parsed.data;
  const code = parsed.data.code ?? parsed.data.grpc_code;
  return new EtcdError(...classify(message, code), `${where}: ${message}`);
}

/** Why a watch was cancelled by etcd, from its `cancel_reason`. */
export function cancelReasonOf(reason: string): EtcdReason {
  return classify(reason, undefined)[0];
}

function classify(message: string, code: number | undefined): [EtcdReason, EtcdOutcome] {
  for (const [pattern, reason] of DEFINITE) if (pattern.test(message)) return [reason, 'notApplied'];
  if (code === UNAUTHENTICATED) return ['TOKEN_INVALID', 'notApplied'];
  if (code === RESOURCE_EXHAUSTED) return ['UNAVAILABLE', 'notApplied'];
  if (code !== undefined && REJECTED.has(code)) return ['REFUSED', 'notApplied'];
  return ['UNAVAILABLE', 'unknown'];
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

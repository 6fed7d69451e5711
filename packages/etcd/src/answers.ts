import { z } from 'zod';

/*
 * What etcd's JSON gateway answers. 64-bit integers are strings, bytes are base64, and every zero, false or empty field
 * is left out, so nearly everything has a default.
 */

/** Revisions, versions, counts, sizes: far below 2^53. */
const count = z
  .string()
  .regex(/^-?\d+$/)
  .transform(Number)
  .refine(Number.isSafeInteger, 'is beyond 2^53')
  .default(0);

/** Ids use all 64 bits and are only compared. */
const id = z
  .string()
  .regex(/^-?\d+$/)
  .default('0');

const bytes = z
  .string()
  .default('')
  .transform((text) => Buffer.from(text, 'base64'));
const utf8 = z
  .string()
  .default('')
  .transform((text) => Buffer.from(text, 'base64').toString());

const keyValue = z
  .object({ key: utf8, value: bytes, create_revision: count, mod_revision: count, version: count, lease: id })
  .transform(
    ({ key, value, create_revision, mod_revision, version, lease }): KeyValue => ({
      key,
      value,
      createRevision: create_revision,
      modRevision: mod_revision,
      version,
      lease: lease === '0' ? undefined : lease,
    }),
  );

/** A key as it was at some revision. */
export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  /** Revision that created the key, or created it anew after its deletion. */
  readonly createRevision: number;
  readonly modRevision: number;
  /** Changes since creation; 1 when new. */
  readonly version: number;
  /** Lease whose end deletes the key. */
  readonly lease: string | undefined;
}

const header = z.object({ cluster_id: id, member_id: id, revision: count, raft_term: count });
const memberAnswer = z.object({ header });

const rangeAnswer = z.object({ kvs: z.array(keyValue).default([]), more: z.boolean().default(false), count });
const putAnswer = z.object({ prev_kv: keyValue.optional() });
const deleteAnswer = z.object({ deleted: count, prev_kvs: z.array(keyValue).default([]) });

/** Every answer of a whole call names the member's cluster and the store's revision. */
export const anyAnswer = memberAnswer;
export const rangeCall = memberAnswer.extend(rangeAnswer.shape);
export const txnCall = memberAnswer.extend({
  succeeded: z.boolean().default(false),
  responses: z
    .array(
      z.object({
        response_range: rangeAnswer.optional(),
        response_put: putAnswer.optional(),
        response_delete_range: deleteAnswer.optional(),
      }),
    )
    .default([]),
});

export const leaseGrantCall = memberAnswer.extend({ ID: id, TTL: count });
/** A stream of one answer; without TTL when the lease is gone. */
export const keepAliveCall = z
  .object({ result: memberAnswer.extend({ ID: id, TTL: count }) })
  .transform((answer) => answer.result);
export const timeToLiveCall = memberAnswer.extend({
  TTL: count, // −1 when the lease is gone
  grantedTTL: count,
  keys: z.array(z.string().transform((text) => Buffer.from(text, 'base64').toString())).default([]),
});

export const loginCall = memberAnswer.extend({ token: z.string() });

export const statusCall = memberAnswer.extend({
  version: z.string().default(''),
  dbSize: count,
  dbSizeInUse: count,
  leader: id,
  raftTerm: count,
  raftIndex: count,
  raftAppliedIndex: count,
  errors: z.array(z.string()).default([]),
});
/** The answer of `alarm` may lack its header in 3.4. */
export const alarmCall = z.object({
  header: header.optional(),
  alarms: z
    .array(z.object({ memberID: id, alarm: z.enum(['NONE', 'NOSPACE', 'CORRUPT']).default('NONE') }))
    .default([]),
});

const watchEvent = z.object({
  type: z.enum(['PUT', 'DELETE']).default('PUT'),
  kv: keyValue,
  prev_kv: keyValue.optional(),
});

/** One line of a watch's stream. */
export const watchLine = z.object({
  result: memberAnswer.extend({
    created: z.boolean().default(false),
    canceled: z.boolean().default(false),
    cancel_reason: z.string().default(''),
    compact_revision: count,
    fragment: z.boolean().default(false),
    events: z.array(watchEvent).default([]),
  }),
});

export type StatusAnswer = z.output<typeof statusCall>;
export type TxnAnswer = z.output<typeof txnCall>;
export type WatchMessage = z.output<typeof watchLine>['result'];
export type WatchEvent = z.output<typeof watchEvent>;

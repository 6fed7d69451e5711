import { crc32c, type NewRecord, RecordsEncoder } from '@edgelog/wire';
import { z } from 'zod';

/** Partitions 0 … 7 of the positions topic hold openings, 8 … 15 positions: never another number, or records would not be found. */
const SHARES = 8;
export const POSITIONS_PARTITIONS = 2 * SHARES;

const offset = z.int().min(0);
const place = {
  gateway: z.string(),
  logId: z.string(),
  topic: z.string(),
  topicId: z.string(),
  partition: offset,
};

/**
 * Who opened a run last, and where its data goes: key `{"opening": producer id}`, written before anything of the run is sent. The last one in
 * the log has the run; whoever else has it open finds that out before it acknowledges anything.
 */
export const openingRecord = z.object({
  ...place,
  firstOffset: offset,
  /** Offset of the partition before which there is nothing of the run. */
  offset,
  /** Edge offset up to which the run was acknowledged when its data began here, in a life of the topic before this: it went with that. Absent: nothing. */
  gone: offset.optional(),
  /** Drawn for each opening. */
  opening: z.string(),
  /** Instance of the agent for which it was opened. */
  agent: z.string().optional(),
  at: z.int(),
});
export type OpeningRecord = Readonly<z.output<typeof openingRecord>>;

/** How far a run is: key `{"run": producer id}`, written after the data was committed. */
export const positionRecord = z.object({
  ...place,
  /** One past the last edge offset, and the CRC of the batch that ends there as the gateway sealed it; absent: nothing yet. */
  next: offset.optional(),
  crc: offset.optional(),
  /** Offset of the partition before which there is nothing of the run beyond `next`. */
  offset,
  /** Under which opening it was written. */
  opening: z.string(),
  /** Nothing else of the run was or will be sent under that opening, or any before it, until a record says so that is not settled. */
  isSettled: z.boolean(),
  /** How long who opens the run next is to wait for what that opening has under way; absent: as long as always. */
  handoverMs: offset.optional(),
  at: z.int(),
});
export type PositionRecord = Readonly<z.output<typeof positionRecord>>;

const key = z.union([
  z
    .strictObject({ opening: z.int() })
    .transform(({ opening }) => ({ kind: 'opening' as const, producerId: opening })),
  z.strictObject({ run: z.int() }).transform(({ run }) => ({ kind: 'position' as const, producerId: run })),
]);
export type RecordKey = z.output<typeof key>;

export const openingKey = (producerId: number): string => JSON.stringify({ opening: producerId });
export const positionKey = (producerId: number): string => JSON.stringify({ run: producerId });

/** Undefined: not one of ours. */
export function parseKey(bytes: Buffer | null): RecordKey | undefined {
  return parseJson(key, bytes);
}

export function parseJson<T>(schema: z.ZodType<T>, bytes: Buffer | null): T | undefined {
  try {
    return schema.safeParse(JSON.parse(String(bytes))).data;
  } catch {
    return undefined;
  }
}

/** Where the records of a log's runs are. */
export function sharesOf(logId: string): { opening: number; position: number } {
  const share = crc32c(Buffer.from(logId)) % SHARES;
  return { opening: share, position: SHARES + share };
}

export const isOfOpenings = (partition: number): boolean => partition < SHARES;

export interface KeyedValue {
  readonly key: string;
  readonly value: string;
}

/** One batch of records for a topic of the sink's own, ready for Produce. */
export function sealRecords(records: readonly KeyedValue[], now: number): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: now });
  for (const { key, value } of records) {
    const record: NewRecord = { timestamp: now, key, value: Buffer.from(value) };
    encoder.append(record);
  }
  return encoder.sealSync({ compression: 'none', producerId: -1, producerEpoch: -1, baseSequence: -1 });
}

import { randomInt, randomUUID } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import type { StateTable } from '@edgelog/log';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { z } from 'zod';
import type { Run } from './runs.ts';

const offset = z.number().int().min(0);

const producerId = z.number().int().min(RESERVED_PRODUCER_ID_MIN).max(Number.MAX_SAFE_INTEGER);
const position = z.object({ next: offset, crc: z.number().int().min(0).max(0xffffffff) });

const common = {
  topic: z.string(),
  logId: z.uuid(),
  heldFrom: offset,
  /** No record of this log was ever stamped later, ms. */
  clockFloor: z.number(),
};

/** Before a log had lanes: one run at a time. */
const version1 = z
  .object({
    version: z.literal(1),
    ...common,
    run: z.object({ producerId, firstOffset: offset }),
    acked: position.nullable(),
  })
  .transform(({ run, acked, ...rest }) => ({
    ...rest,
    version: 2 as const,
    runs: [{ ...run, end: null, acked }] as Run[],
    dropped: [],
  }));

const version2 = z.object({
  version: z.literal(2),
  ...common,
  /** See `runs.ts`. */
  runs: z
    .array(
      z.object({
        producerId,
        firstOffset: offset,
        end: offset.nullable(),
        acked: position.nullable(),
        isClosed: z.boolean().optional(),
      }),
    )
    .min(1)
    .refine((runs) => runs.every(({ end }, i) => (end === null) === (i === runs.length - 1)), {
      message: 'only the last run has no end',
    }),
  /** Ends of batches that were dropped and may have been sent. */
  dropped: z.array(position),
});

const streamStateSchema = z.union([version2, version1]);

/** What outlives the process beside the log itself. */
export type StreamState = z.output<typeof streamStateSchema>;

const PREFIX = 'stream/';

/** Where the names of logs and runs come from; two gateways must never draw the same. */
export interface StreamIds {
  logId(): string;
  /** From 2^52 … 2^53−1. */
  producerId(): number;
}

/** Drawn from the system's randomness. */
export const randomStreamIds: StreamIds = {
  logId: randomUUID,
  producerId: () => RESERVED_PRODUCER_ID_MIN + randomInt(2 ** 26) * 2 ** 26 + randomInt(2 ** 26),
};

/** A log id for a log that was never written before, and its first run. */
export function newStreamState(topic: string, ids: StreamIds): StreamState {
  return {
    version: 2,
    topic,
    logId: ids.logId(),
    runs: [{ producerId: ids.producerId(), firstOffset: 0, end: null, acked: null }],
    dropped: [],
    heldFrom: 0,
    clockFloor: 0,
  };
}

export function saveStreamState(table: StateTable, state: StreamState): void {
  table.put(PREFIX + state.topic, Buffer.from(JSON.stringify(state)));
}

/** The streams that this data directory holds. Throws DATA_DIR_INVALID naming the entry that cannot be read. */
export function loadStreamStates(table: StateTable): StreamState[] {
  return [...table.entries(PREFIX)].map(([key, value]) => {
    const parsed = streamStateSchema.safeParse(parseJson(value));
    if (!parsed.success) {
      throw new EdgelogError(
        'DATA_DIR_INVALID',
        `state entry ${JSON.stringify(key)}: ${z.prettifyError(parsed.error)}`,
      );
    }
    return parsed.data;
  });
}

/** Undefined for what is not JSON: the schema refuses it. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

import { randomInt, randomUUID } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import type { StateTable } from '@edgelog/log';
import { RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { z } from 'zod';

const offset = z.number().int().min(0);

const streamStateSchema = z.object({
  version: z.literal(1),
  topic: z.string(),
  logId: z.uuid(),
  run: z.object({
    producerId: z.number().int().min(RESERVED_PRODUCER_ID_MIN).max(Number.MAX_SAFE_INTEGER),
    firstOffset: offset,
  }),
  /** Last position of this run that a hub acknowledged. */
  acked: z.object({ next: offset, crc: z.number().int().min(0).max(0xffffffff) }).nullable(),
  /** First offset that a hub should hold under this run or an earlier one. */
  heldFrom: offset,
  /** No record of this log was ever stamped later, ms. */
  clockFloor: z.number(),
});

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
    version: 1,
    topic,
    logId: ids.logId(),
    run: { producerId: ids.producerId(), firstOffset: 0 },
    acked: null,
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

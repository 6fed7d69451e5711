import type { Prng } from '@edgelog/sim';
import {
  apis,
  type CompressionName,
  ErrorCode,
  errorName,
  RecordsEncoder,
  readBatchHeader,
} from '@edgelog/wire';
import { batchOf } from '../support/batches.ts';
import type { RawClient } from '../support/raw-client.ts';
import type { KeyedRecord } from './check-compacted.ts';
import { batchId, type PartitionLedger } from './partition-ledger.ts';

const VERSION = 9;
const CODECS: readonly CompressionName[] = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'];
const SIZES = [10, 100, 100, 1_000, 8_000];
const RECORDS_MAX = 40;
const KEYS = 500;
const TOMBSTONES = 0.1;
const BATCH_BYTES_MAX = 120_000;
/** What values are cut from: text that does not compress to nothing. */
const TEXT = Array.from({ length: 4_096 }, (_, i) => Math.sin(i + 1).toString(36)).join('');

/** A batch on its way, with where it belongs. */
export interface Draft {
  ledger: PartitionLedger;
  id: string;
  bytes: Buffer;
  recordCount: number;
}

export interface Producer {
  producerId: number;
  baseSequence: number;
}

let drawn = 0;

/** A batch of any size and codec, unlike any other, entered in the ledger as sent. */
export function drawBatch(ledger: PartitionLedger, prng: Prng, producer?: Producer): Draft {
  const sizeBytes = prng.pick(SIZES);
  const count = prng.between(1, Math.min(RECORDS_MAX, BATCH_BYTES_MAX / sizeBytes));
  drawn += 1;
  const values = Array.from({ length: count }, (_, i) => {
    const from = prng.between(0, TEXT.length - sizeBytes);
    return `${drawn}:${i}:${TEXT.slice(from, from + sizeBytes)}`;
  });
  const stamp = producer === undefined ? {} : { ...producer, producerEpoch: 0 };
  const bytes = batchOf(values, { timestamp: Date.now(), compression: prng.pick(CODECS), ...stamp });
  return enter(ledger, bytes, producer !== undefined);
}

/** A batch for a compacted topic: few keys, so that most records are soon superseded, and some tombstones. */
export function drawKeyedBatch(ledger: PartitionLedger, prng: Prng, producer: Producer): Draft {
  const timestamp = Date.now();
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
  drawn += 1;
  const records = Array.from({ length: prng.between(1, RECORDS_MAX) }, (_, i) => {
    const key = `key-${prng.between(1, KEYS)}`;
    return { key, value: prng.chance(TOMBSTONES) ? null : `${drawn}:${i}:${TEXT.slice(0, 200)}` };
  });
  for (const { key, value } of records)
    encoder.append({ timestamp, key, value: value === null ? null : Buffer.from(value) });
  const bytes = encoder.sealSync({ ...producer, producerEpoch: 0, compression: prng.pick(CODECS) });
  return enter(ledger, bytes, true, records);
}

function enter(
  ledger: PartitionLedger,
  bytes: Buffer,
  isIdempotent: boolean,
  records?: readonly KeyedRecord[],
): Draft {
  const header = readBatchHeader(bytes);
  const { sizeBytes, recordCount, producerId, baseSequence } = header;
  const id = batchId(header);
  const sentAt = Date.now();
  const stamp = { id, sizeBytes, recordCount, producerId, baseSequence, sentAt, isIdempotent };
  ledger.sent({ ...stamp, ...(records && { records }) });
  return { ledger, id, bytes, recordCount };
}

/** One request with these batches, each of another partition. */
export function sendBatches(client: RawClient, drafts: readonly Draft[]): void {
  const topicData = drafts.map(({ ledger, bytes }) => ({
    name: ledger.topic,
    partitionData: [{ index: ledger.index, records: bytes }],
  }));
  client.send(apis.produce, VERSION, { acks: -1, timeoutMs: 10_000, topicData });
}

/** Takes the answer to the oldest request in flight, and enters where its batches are. */
export async function receiveAnswer(client: RawClient, drafts: readonly Draft[]): Promise<void> {
  const { body } = await client.receive(apis.produce, VERSION);
  for (const [position, { ledger, id }] of drafts.entries()) {
    const { errorCode, errorMessage, baseOffset } = body.responses[position]!.partitionResponses[0]!;
    if (errorCode !== ErrorCode.NONE)
      throw new Error(`${ledger.name} refused ${id}: ${errorName(errorCode)} ${errorMessage ?? ''}`);
    ledger.place(id, baseOffset);
  }
}

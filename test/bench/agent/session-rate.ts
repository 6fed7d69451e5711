import { silent } from '@edgelog/sim';
import { type AgentPort, type Position, startUplink, type UplinkStream } from '@edgelog/sync';
import { RESERVED_PRODUCER_ID_MIN, RecordsEncoder, readBatchHeader, sequenceOf } from '@edgelog/wire';
import { until } from '../../harness/wait.ts';

const RECORD_BYTES = 1_000;
const RECORDS_PER_BATCH = 128;

/** MB/s at which a hub commits what one session sends that has all of it sealed in memory: what it can append. */
export async function sessionRate(url: string, bytes: number): Promise<number> {
  const stream = new MemoryStream(bytes);
  const port: AgentPort = {
    identity: { gateway: 'memory', instance: 'memory', version: 'bench' },
    streams: () => [stream],
    unconfirmedGaps: () => [],
    gapConfirmed: () => {},
  };
  const startedAt = performance.now();
  const uplink = startUplink({ urls: [url], port, log: silent });
  try {
    await until('all is committed', () => stream.acked?.next === stream.sealedEndOffset, 600_000, 5);
    return stream.sizeBytes / 1e6 / ((performance.now() - startedAt) / 1000);
  } finally {
    await uplink.stop();
  }
}

/** One run, all of it sealed. */
class MemoryStream implements UplinkStream {
  readonly run = {
    producerId: RESERVED_PRODUCER_ID_MIN + Math.floor(Math.random() * 2 ** 40),
    logId: crypto.randomUUID(),
    topic: 'from-memory',
    firstOffset: 0,
  };
  readonly logStartOffset = 0;
  readonly sealedEndOffset: number;
  readonly sizeBytes: number;
  readonly #batches: Buffer[];
  acked: Position | undefined;

  constructor(bytes: number) {
    const count = Math.ceil(bytes / (RECORD_BYTES * RECORDS_PER_BATCH));
    const value = Buffer.alloc(RECORD_BYTES, 'x');
    this.#batches = Array.from({ length: count }, (_, index) => {
      const baseOffset = index * RECORDS_PER_BATCH;
      const timestamp = Date.now();
      const encoder = new RecordsEncoder({ baseOffset, baseTimestamp: timestamp });
      for (let i = 0; i < RECORDS_PER_BATCH; i++) encoder.append({ timestamp, key: 'bench', value });
      return encoder.sealSync({
        compression: 'none',
        producerId: this.run.producerId,
        producerEpoch: 0,
        baseSequence: sequenceOf(baseOffset),
      });
    });
    this.sealedEndOffset = count * RECORDS_PER_BATCH;
    this.sizeBytes = this.#batches.reduce((sum, { length }) => sum + length, 0);
  }

  read(offset: number, maxBytes: number): Buffer[] {
    const read: Buffer[] = [];
    let bytes = 0;
    for (let at = offset / RECORDS_PER_BATCH; at < this.#batches.length; at++) {
      const batch = this.#batches[at]!;
      if (read.length > 0 && bytes + batch.length > maxBytes) break;
      read.push(batch);
      bytes += batch.length;
    }
    return read;
  }

  crcEndingAt(next: number): number | undefined {
    const batch = this.#batches[next / RECORDS_PER_BATCH - 1];
    return batch === undefined ? undefined : readBatchHeader(batch).crc;
  }

  acknowledge(position: Position): void {
    this.acked = position;
  }

  startNewRun(): Promise<undefined> {
    throw new Error('the hub does not go on with this run');
  }

  refused(code: string, message: string): void {
    throw new Error(`the hub refuses: ${code}: ${message}`);
  }
}

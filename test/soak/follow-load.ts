/**
 * Follows the end of all topics of the run until standard input ends, one connection each; a line of it is answered with what
 * was read since the line before. What retention deleted before it was read is counted, and left out.
 */
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { Latencies } from '../bench/latencies.ts';
import { offsetAfter } from '../bench/offset-after.ts';
import { answerIntervals } from './intervals.ts';
import type { SoakTopic } from './streams.ts';

export interface Followed {
  bytes: number;
  /** Deleted before they were read. */
  missedRecords: number;
  p99Ms: number;
}

const VERSION = 11;
const WAIT_MS = 500;
const FETCH_BYTES = 8 * 2 ** 20;
const PARTITION_BYTES = 2 ** 20;

const { port, topics } = JSON.parse(process.argv[2]!) as { port: number; topics: SoakTopic[] };
const latencies = new Latencies();
let bytes = 0;
let missedRecords = 0;
let isOver = false;

async function follow({ name, partitions }: SoakTopic): Promise<void> {
  const client = await RawClient.connect(port);
  const positions = new Array<number>(partitions).fill(0);
  while (!isOver) {
    const asked = positions.map((fetchOffset, partition) => ({
      partition,
      fetchOffset,
      partitionMaxBytes: PARTITION_BYTES,
    }));
    const askedAt = performance.now();
    const { responses } = await client.call(apis.fetch, VERSION, {
      ...{ maxWaitMs: WAIT_MS, minBytes: 1, maxBytes: FETCH_BYTES },
      topics: [{ topic: name, partitions: asked }],
      forgottenTopicsData: [],
    });
    latencies.add(performance.now() - askedAt);
    for (const { partitionIndex, errorCode, logStartOffset, records } of responses[0]!.partitions) {
      const position = positions[partitionIndex]!;
      if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
        positions[partitionIndex] = await startOf(client, name, partitionIndex);
        missedRecords += positions[partitionIndex]! - position;
      } else if (errorCode !== ErrorCode.NONE)
        throw new Error(`fetch of ${name}: ${errorName(errorCode)}, start ${logStartOffset}`);
      else {
        bytes += records?.length ?? 0;
        positions[partitionIndex] = offsetAfter(records ?? Buffer.alloc(0), position);
      }
    }
  }
  client.end();
}

const EARLIEST = -2;

async function startOf(client: RawClient, name: string, partitionIndex: number): Promise<number> {
  const response = await client.call(apis.listOffsets, 1, {
    replicaId: -1,
    topics: [{ name, partitions: [{ partitionIndex, timestamp: EARLIEST }] }],
  });
  return response.topics[0]!.partitions[0]!.offset;
}

const running = topics.map(follow);
const answering = answerIntervals((): Followed => {
  const followed = { bytes, missedRecords, p99Ms: latencies.take().p99Ms };
  bytes = 0;
  missedRecords = 0;
  return followed;
});
await Promise.race([Promise.all(running), answering]);
isOver = true;
await Promise.all(running);

/**
 * Reads a topic from its start, a partition after the other, until its standard input ends, and then again: a consumer far behind.
 * `node read-generator.ts '{"port":9092,"topic":"t","partitions":6}'` prints one JSON line, { p50Ms, p99Ms, mibPerSecond }, of
 * its fetches. It looks at batch headers only, so that the broker is measured and not the consumer.
 */
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { Latencies } from './latencies.ts';
import { offsetAfter } from './offset-after.ts';

export interface ReadGeneratorOptions {
  port: number;
  topic: string;
  partitions: number;
}

export interface ReadLatency {
  p50Ms: number;
  p99Ms: number;
  mibPerSecond: number;
}

const VERSION = 11;
const FETCH_BYTES = 1024 * 1024;
const WAIT_MS = 500;

const { port, topic, partitions: partitionCount } = JSON.parse(process.argv[2]!) as ReadGeneratorOptions;
let stopped = false;
process.stdin.resume().on('end', () => {
  stopped = true;
});
const client = await RawClient.connect(port);
const latencies = new Latencies();
let bytes = 0;
const startedAt = performance.now();
for (let offset = 0, partition = 0; !stopped; ) {
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: FETCH_BYTES }];
  const askedAt = performance.now();
  const { responses } = await client.call(apis.fetch, VERSION, {
    maxWaitMs: WAIT_MS,
    minBytes: 1,
    maxBytes: FETCH_BYTES,
    topics: [{ topic, partitions }],
    forgottenTopicsData: [],
  });
  latencies.add(performance.now() - askedAt);
  const { errorCode, highWatermark, records } = responses[0]!.partitions[0]!;
  if (errorCode !== ErrorCode.NONE) throw new Error(`a fetch failed with ${errorName(errorCode)}`);
  bytes += records?.length ?? 0;
  offset = offsetAfter(records ?? Buffer.alloc(0), offset);
  if (offset < highWatermark) continue;
  offset = 0;
  partition = (partition + 1) % partitionCount;
}
const seconds = (performance.now() - startedAt) / 1000;
client.end();
const { p50Ms, p99Ms } = latencies.take();
const result: ReadLatency = { p50Ms, p99Ms, mibPerSecond: bytes / 2 ** 20 / seconds };
console.log(JSON.stringify(result));

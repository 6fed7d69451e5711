/**
 * Records at a steady rate over one connection, as a Kafka producer with linger 0 sends them: each request takes what
 * waits, up to five in flight. `node ack-generator.ts '{"port":9092,"topic":"t","partitions":6,"recordsPerSecond":5000,…}'`
 * prints one JSON line: { p50Ms, p99Ms, maxMs }, from when a record was there to send until it was acknowledged. Unlike
 * ProducerPerformance it leaves its own start out and counts less than whole milliseconds.
 */
import { apis, ErrorCode, errorName, RecordsEncoder } from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { Latencies } from './latencies.ts';

export interface AckGeneratorOptions {
  port: number;
  topic: string;
  partitions: number;
  recordsPerSecond: number;
  sizeBytes: number;
  /** Not counted. */
  warmUpMs: number;
  /** Counted, after the warm-up. */
  durationMs: number;
}

export interface AckLatency {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const VERSION = 9;
const IN_FLIGHT_MAX = 5;
const TICK_MS = 1;

const options = JSON.parse(process.argv[2]!) as AckGeneratorOptions;
const value = Buffer.alloc(options.sizeBytes, 'x');
const client = await RawClient.connect(options.port);
client.socket.setNoDelay(true);

/** When each waiting record came, and those of each request in flight. */
let waiting: number[] = [];
const inFlight: number[][] = [];
const latencies = new Latencies();
let nextPartition = 0;
const startedAt = performance.now();
const countFrom = startedAt + options.warmUpMs;
const endAt = countFrom + options.durationMs;

function sendWaiting(): void {
  if (waiting.length === 0 || inFlight.length === IN_FLIGHT_MAX) return;
  const timestamp = Date.now();
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
  for (let i = 0; i < waiting.length; i++) encoder.append({ timestamp, key: null, value });
  const records = encoder.sealSync({
    compression: 'none',
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
  });
  const partitionData = [{ index: nextPartition, records }];
  nextPartition = (nextPartition + 1) % options.partitions;
  inFlight.push(waiting);
  waiting = [];
  client.send(apis.produce, VERSION, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: options.topic, partitionData }],
  });
}

let sent = 0;
const ticking = setInterval(() => {
  const now = performance.now();
  const due = Math.floor(((Math.min(now, endAt) - startedAt) * options.recordsPerSecond) / 1000);
  for (; sent < due; sent++) waiting.push(now);
  if (now >= endAt) clearInterval(ticking);
  sendWaiting();
}, TICK_MS);

while (performance.now() < endAt || waiting.length > 0 || inFlight.length > 0) {
  const { body } = await client.receive(apis.produce, VERSION);
  const { errorCode } = body.responses[0]!.partitionResponses[0]!;
  const now = performance.now();
  // Kafka names leaders of a new topic before they lead.
  const isFailed = errorCode !== ErrorCode.NONE && now >= countFrom;
  if (isFailed) throw new Error(`a produce request failed with ${errorName(errorCode)}`);
  for (const cameAt of inFlight.shift()!) if (cameAt >= countFrom) latencies.add(now - cameAt);
  sendWaiting();
}
client.end();

const result: AckLatency = latencies.take();
console.log(JSON.stringify(result));

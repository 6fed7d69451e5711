/**
 * Writes to all topics of the run until standard input ends; each line of it is answered with what was written since the line
 * before. Requests are encoded once and sent again and again, so that the broker is measured and not the producer.
 */
import { randomBytes } from 'node:crypto';
import { apis, ErrorCode, encodeRequest, errorName, RecordsEncoder } from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { Latencies } from '../bench/latencies.ts';
import { sleep } from '../harness/wait.ts';
import { answerIntervals } from './intervals.ts';
import type { SoakTopic } from './streams.ts';

export interface Produced {
  bytes: number;
  requests: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const VERSION = 9;
/** Different requests for each partition of a topic. */
const VARIANTS = 8;
const KEYS = 20_000;
const CORRELATION_ID_AT = 8;

const { port, topics } = JSON.parse(process.argv[2]!) as { port: number; topics: SoakTopic[] };
const latencies = new Latencies();
let bytes = 0;
let requests = 0;
let isOver = false;

function batchOf({ producer, compacted }: SoakTopic): Buffer {
  const timestamp = Date.now();
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
  const value = randomBytes(producer.recordBytes);
  while (encoder.sizeBytes + producer.recordBytes <= producer.batchBytes) {
    const key = compacted === true ? `key-${Math.floor(Math.random() * KEYS)}` : null;
    encoder.append({ timestamp, key, value });
  }
  return encoder.sealSync({ compression: 'none', producerId: -1, producerEpoch: -1, baseSequence: -1 });
}

function requestsOf(topic: SoakTopic): { frame: Buffer; bytes: number }[] {
  return Array.from({ length: topic.partitions * VARIANTS }, (_, i) => {
    const records = batchOf(topic);
    const topicData = [{ name: topic.name, partitionData: [{ index: i % topic.partitions, records }] }];
    const body = { acks: -1, timeoutMs: 60_000, topicData };
    const frame = encodeRequest(apis.produce, VERSION, { correlationId: 0, clientId: 'soak' }, body);
    return { frame, bytes: records.length };
  });
}

async function runConnection(topic: SoakTopic): Promise<void> {
  const { inFlight: inFlightMax, batchesPerSecond } = topic.producer;
  const prepared = requestsOf(topic);
  const client = await RawClient.connect(port);
  client.socket.setNoDelay(true);
  const inFlight: { sentAt: number; bytes: number }[] = [];
  const startedAt = performance.now();
  const dueAt = (count: number): number =>
    batchesPerSecond === undefined ? 0 : startedAt + (count * 1000) / batchesPerSecond;
  for (let sent = 0; !isOver || inFlight.length > 0; ) {
    while (!isOver && inFlight.length < inFlightMax && dueAt(sent) <= performance.now()) {
      const request = prepared[sent % prepared.length]!;
      const frame = Buffer.from(request.frame);
      frame.writeInt32BE(sent & 0x7fffffff, CORRELATION_ID_AT);
      client.write(frame);
      inFlight.push({ sentAt: performance.now(), bytes: request.bytes });
      sent += 1;
    }
    if (inFlight.length === 0) {
      await sleep(Math.max(1, dueAt(sent) - performance.now()));
      continue;
    }
    const { body } = await client.receive(apis.produce, VERSION);
    const { errorCode } = body.responses[0]!.partitionResponses[0]!;
    if (errorCode !== ErrorCode.NONE) throw new Error(`${topic.name} refused: ${errorName(errorCode)}`);
    const done = inFlight.shift()!;
    latencies.add(performance.now() - done.sentAt);
    bytes += done.bytes;
    requests += 1;
  }
  client.end();
}

const running = topics.flatMap((topic) =>
  Array.from({ length: topic.producer.connections }, () => runConnection(topic)),
);
const answering = answerIntervals((): Produced => {
  const produced = { bytes, requests, ...latencies.take() };
  bytes = 0;
  requests = 0;
  return produced;
});
await Promise.race([Promise.all(running), answering]);
isOver = true;
await Promise.all(running);

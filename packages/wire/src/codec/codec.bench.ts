import { randomUUID } from 'node:crypto';
import { apis, type RequestInput, type ResponseOf } from '../apis/index.ts';
import { layoutOf } from '../schema/layout.ts';
import { decodeRequest, decodeRequestHeader, encodeRequest, encodeResponse } from './frame.ts';
import { interpretDecoder } from './interpret-decoder.ts';

/** Run with node: time per partition of the codecs on the hot path. */

const PARTITIONS = 200;
const ROUNDS = 20_000;

const topicId = randomUUID();
const indexes = Array.from({ length: PARTITIONS }, (_, i) => i);

const fetchRequest: RequestInput<'fetch'> = {
  maxWaitMs: 500,
  minBytes: 1,
  topics: [
    {
      topicId,
      partitions: indexes.map((partition) => ({
        partition,
        currentLeaderEpoch: 3,
        fetchOffset: 2 ** 33 + partition,
        logStartOffset: -1,
        partitionMaxBytes: 2 ** 20,
      })),
    },
  ],
  forgottenTopicsData: [],
};

const fetchResponse: ResponseOf<'fetch'> = {
  responses: [
    {
      topicId,
      partitions: indexes.map((partitionIndex) => ({
        partitionIndex,
        errorCode: 0,
        highWatermark: 2 ** 33,
        lastStableOffset: 2 ** 33,
        logStartOffset: 0,
        abortedTransactions: null,
        records: Buffer.alloc(16 * 1024),
      })),
    },
  ],
};

const produceRequest: RequestInput<'produce'> = {
  acks: -1,
  timeoutMs: 30_000,
  topicData: [
    {
      name: 'telemetry',
      partitionData: indexes.map((index) => ({ index, records: Buffer.alloc(1000) })),
    },
  ],
};

function measure(what: string, rounds: number, step: () => unknown): void {
  for (let i = 0; i < rounds / 10; i++) step();
  const before = process.hrtime.bigint();
  for (let i = 0; i < rounds; i++) step();
  const ns = Number(process.hrtime.bigint() - before) / rounds / PARTITIONS;
  console.log(`${what.padEnd(40)} ${ns.toFixed(1).padStart(8)} ns/partition`);
}

const header = { correlationId: 1, clientId: 'bench' };
const fetchFrame = encodeRequest(apis.fetch, 17, header, fetchRequest).subarray(4);
const fetchBodyAt = decodeRequestHeader(fetchFrame).bodyAt;
const produceFrame = encodeRequest(apis.produce, 9, header, produceRequest).subarray(4);
const produceBodyAt = decodeRequestHeader(produceFrame).bodyAt;
const interpreted = interpretDecoder(layoutOf(apis.fetch.request, 17));

console.log(`${PARTITIONS} partitions a message`);
measure('decode Fetch v17 request', ROUNDS, () => decodeRequest(apis.fetch, 17, fetchFrame, fetchBodyAt));
measure('  the interpreted form', ROUNDS / 20, () => interpreted(fetchFrame, fetchBodyAt));
measure('encode Fetch v17 request', ROUNDS, () => encodeRequest(apis.fetch, 17, header, fetchRequest));
measure('decode Produce v9 request', ROUNDS, () =>
  decodeRequest(apis.produce, 9, produceFrame, produceBodyAt),
);
measure('encode Fetch v13 response', ROUNDS, () => encodeResponse(apis.fetch, 13, 1, fetchResponse));

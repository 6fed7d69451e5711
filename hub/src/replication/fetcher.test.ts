import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { encodeProducers, type LogStore, openLogStore, type ProducerState } from '@edgelog/log';
import { silentLogger } from '@edgelog/runtime';
import { until } from '@edgelog/sim';
import { type apis, ErrorCode, emptyBatch, type RequestInput, type ResponseOutput } from '@edgelog/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fetcher } from './fetcher.ts';
import type { PeerLink } from './peers.ts';
import type { Replica } from './replica.ts';

const TOPIC_ID = '11111111-1111-1111-1111-111111111111';
const NOTHING = { epoch: -1, endOffset: -1 };

type Request = RequestInput<'fetch'>;
type Snapshot = ResponseOutput<typeof apis.replicaSnapshot>;
/** What the leader answers for each partition that a request names. */
type Leader = (index: number, offset: number) => object | undefined;

let dir: string;
let store: LogStore;
let fetcher: Fetcher | undefined;
let snapshots: Snapshot[] = [];
const requests: Request[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-fetcher-'));
  store = await openLogStore({ dir });
});

afterEach(async () => {
  await fetcher?.close();
  await store.close();
  rmSync(dir, { recursive: true });
  requests.length = 0;
});

function replicaOf(index: number, overrides: Partial<Replica> = {}): Replica {
  const log = store.createPartition(`t-${index}.${TOPIC_ID}`);
  const leadership = { leaderEpoch: 3, adding: [] };
  const own = { name: log.name, log, topicId: TOPIC_ID, partition: { index }, leadership, counts: false };
  return { ...own, adopt: () => {}, ...overrides } as unknown as Replica;
}

function follow(leader: Leader, replicas: readonly Replica[], answerMs = 5): void {
  let reset = () => {};
  const request = async (_api: unknown, body: Request) => {
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, answerMs);
      reset = () => reject(new EdgelogError('CONNECTION_LOST', 'reset'));
    });
    requests.push(body);
    const partitions = (body.topics ?? []).flatMap(({ partitions }) =>
      partitions.flatMap(({ partition, fetchOffset }) => {
        const answer = leader(partition, Number(fetchOffset));
        if (answer === undefined) return [];
        const told = { partitionIndex: partition, errorCode: ErrorCode.NONE, divergingEpoch: NOTHING };
        return { ...told, highWatermark: 0, logStartOffset: 0, records: null, ...answer };
      }),
    );
    const responses = [{ topicId: TOPIC_ID, partitions }];
    return { errorCode: ErrorCode.NONE, sessionId: 7, responses } as unknown as ResponseOutput<
      typeof apis.fetch
    >;
  };
  fetcher = new Fetcher({
    nodeId: 2,
    leaderId: 1,
    link: { request, reset: () => reset(), close: () => {}, retryInMs: 0 } as unknown as PeerLink,
    // As by whoever is given that memory next.
    frames: { giveBack: (records) => void records.fill(0xff) },
    store,
    log: silentLogger,
    throttle: { isOpen: true, spend: () => {} },
    epoch: () => 9,
    snapshot: async () => snapshots.shift()!,
    now: () => performance.now(),
  });
  for (const replica of replicas) fetcher.follow(replica);
}

/** Whether the leader was told last that nothing is missing below the end. */
function isComplete(): boolean {
  const told = requests.flatMap(({ topics }) => topics ?? []).flatMap(({ partitions }) => partitions);
  const last = told.at(-1);
  return Number(last?.fetchOffset) === 5 && Number(last?.logStartOffset) >= 0;
}

test('a partition that cannot be cut on this disk holds up no other', async () => {
  const stuck = replicaOf(0, {
    truncate: () => {
      throw new EdgelogError('LIMIT_EXCEEDED', 'no room');
    },
  });
  const other = replicaOf(1);
  follow(
    (index, offset) => {
      if (index === 0) return { divergingEpoch: { epoch: 2, endOffset: 0 } };
      return offset === 0 ? { records: emptyBatch(0, 5, 3) } : undefined;
    },
    [stuck, other],
  );
  snapshots = [{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER } as Snapshot];
  await until(() => other.log.flushedEndOffset === 5, 'the other one is fetched');
});

test('what was fetched is read as it came, though its memory was used again', async () => {
  const replica = replicaOf(0);
  const batches = Array.from({ length: 20 }, (_, i) => emptyBatch(i, i + 1, 3));
  snapshots = Array.from({ length: 50 }, () => KNOWN);
  follow((_, offset) => ({ records: Buffer.from(batches[offset] ?? []) }), [replica]);
  await until(() => replica.log.flushedEndOffset === 20, 'all is fetched');
  const { batches: stored } = replica.log.read(0, { maxBytes: 1e6, withEmpty: true });
  expect(Buffer.concat(stored)).toEqual(Buffer.concat(batches));
});

test('however often a partition more is followed, what others have is fetched meanwhile', async () => {
  const first = replicaOf(0);
  follow((_, offset) => (offset === 0 ? { records: emptyBatch(0, 5, 3) } : undefined), [first], 100);
  snapshots = Array.from({ length: 200 }, () => KNOWN);
  for (let index = 1; index < 200 && first.log.logEndOffset === 0; index++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    fetcher!.follow(replicaOf(index));
  }
  expect(fetcher!.size).toBeLessThan(150);
});

const PRODUCER: ProducerState = {
  producerId: 77,
  producerEpoch: 0,
  nextSequence: 4,
  recordCount: 4,
  lastAppendTime: 1,
  batches: [{ firstSequence: 0, lastSequence: 3, baseOffset: 0, timestamp: 1, crc: 1 }],
};
const KNOWN = {
  errorCode: ErrorCode.NONE,
  logStartOffset: 0,
  logEndOffset: 5,
  producers: encodeProducers([PRODUCER]),
} as Snapshot;
const WITH_A_HOLE: Leader = (_, offset) => (offset === 0 ? { records: emptyBatch(0, 5, 3) } : {});

test('producers of a log with holes are asked for until the leader tells them', async () => {
  const replica = replicaOf(0);
  snapshots = [{ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND } as Snapshot, KNOWN];
  follow(WITH_A_HOLE, [replica]);
  await until(isComplete, 'the leader hears that nothing is missing');
  expect([...replica.log.producers()]).toEqual([PRODUCER]);
  expect(replica.log.producersThrough).toBe(0);
});

test('producers that a leader did not come to tell, or told of a log that went, are those of the next leader', async () => {
  const replica = replicaOf(0);
  const { log } = replica;
  log.startAnew({ startOffset: 0, producers: [{ ...PRODUCER, producerId: 99 }], producersThrough: 20 });
  snapshots = [KNOWN];
  follow(WITH_A_HOLE, [replica]);
  await until(isComplete, 'the leader hears that nothing is missing');
  expect([...log.producers()]).toEqual([PRODUCER]);
  await fetcher?.close();

  log.startAnew({ startOffset: 0, producers: [], producersThrough: 0 });
  snapshots = [{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER } as Snapshot];
  follow(WITH_A_HOLE, [replica]);
  await until(() => snapshots.length === 0, 'a leader is asked that is none any more');
  await fetcher?.close();
  requests.length = 0;
  snapshots = [KNOWN];
  follow(() => ({}), [replica]);
  await until(isComplete, 'the next leader hears that nothing is missing');
  expect([...log.producers()]).toEqual([PRODUCER]);
});

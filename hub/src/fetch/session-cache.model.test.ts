import { ErrorCode } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AskedPartition, PartitionAnswer } from './session.ts';
import { FetchSessionCache } from './session-cache.ts';

const CLIENTS = 4;
const PARTITIONS = 6;
const LIMITS = { slotsMax: 2, partitionsMax: 9, evictionMs: 50 };

type Action =
  | { do: 'fetch'; client: number; room: number }
  | { do: 'want'; client: number; partition: number; offset: number }
  | { do: 'drop'; client: number; partition: number }
  | { do: 'close' | 'restart'; client: number }
  | { do: 'grow'; partition: number }
  | { do: 'fail'; partition: number }
  | { do: 'wait'; ms: number };

const client = fc.nat(CLIENTS - 1);
const partition = fc.nat(PARTITIONS - 1);
const action = fc.oneof<fc.WeightedArbitrary<Action>[]>(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('fetch' as const), client, room: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('want' as const), client, partition, offset: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), client, partition }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'restart' as const), client }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('grow' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), partition }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }) },
);

/** What a client knows of a partition, and what it would know from a full fetch. */
interface View {
  errorCode: number;
  highWatermark: number;
}

interface Client {
  sessionId: number;
  epoch: number;
  wants: Map<number, number>;
  /** What the session has, as the client believes. */
  sent: Map<number, number>;
  view: Map<number, View>;
}

test('a client that merges incremental answers knows what a full fetch would tell it', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: 'max' }), (actions) => {
      let lastId = 0;
      let nowMs = 0;
      const cache = new FetchSessionCache(LIMITS, () => ++lastId);
      const logs = Array.from({ length: PARTITIONS }, () => ({ end: 0, isFailed: false }));
      const clients = Array.from({ length: CLIENTS }, newClient);
      for (const one of actions) {
        switch (one.do) {
          case 'want':
            clients[one.client]!.wants.set(one.partition, one.offset);
            break;
          case 'drop':
            clients[one.client]!.wants.delete(one.partition);
            break;
          case 'restart':
            clients[one.client] = newClient();
            break;
          case 'grow':
            logs[one.partition]!.end += 1;
            break;
          case 'fail':
            logs[one.partition]!.isFailed = !logs[one.partition]!.isFailed;
            break;
          case 'wait':
            nowMs += one.ms;
            break;
          case 'close':
          case 'fetch':
            run(clients[one.client]!, one.do === 'fetch' ? one.room : undefined);
        }
        expect(cache.sessionCount).toBeLessThanOrEqual(LIMITS.slotsMax);
        expect(cache.partitionCount).toBeLessThanOrEqual(LIMITS.partitionsMax);
      }

      function run(client: Client, room: number | undefined): void {
        const isFull = client.epoch === 0 || room === undefined;
        const sessionEpoch = room === undefined ? -1 : client.epoch;
        const asked = [...client.wants].filter(([p, offset]) => isFull || client.sent.get(p) !== offset);
        const forgotten = isFull ? [] : [...client.sent.keys()].filter((p) => !client.wants.has(p));
        const began = cache.begin(
          {
            sessionId: client.sessionId,
            sessionEpoch,
            isFollower: false,
            usesTopicIds: true,
            reader: '',
            asked: asked.map(([index, fetchOffset]) => askFor(index, fetchOffset)),
            forgotten: forgotten.map((index) => askFor(index, 0)),
          },
          nowMs,
        );
        if (typeof began === 'number') {
          expect(began).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
          expect(isFull).toBe(false);
          Object.assign(client, { sessionId: 0, epoch: 0 });
          return;
        }
        expect(new Map(began.asked.map(({ index, fetchOffset }) => [index, fetchOffset]))).toEqual(
          client.wants,
        );
        expect(began.asked.length).toBe(client.wants.size);
        let left = room ?? 0;
        const answers = began.asked.map((one) => answer(one, left-- > 0));
        const { errorCode, sessionId, told } = began.respond(answers, nowMs);
        expect(errorCode).toBe(0);
        if (isFull) client.view.clear();
        expect(told === undefined).toBe(isFull || client.wants.size === 0);
        for (const i of told ?? answers.keys()) client.view.set(began.asked[i]!.index, viewOf(answers[i]!));
        for (const p of client.view.keys()) if (!client.wants.has(p)) client.view.delete(p);
        answers.forEach((full, i) => {
          expect(client.view.get(began.asked[i]!.index)).toEqual(viewOf(full));
          const hasNews = full.errorCode !== 0 || full.records!.length > 0;
          if (told !== undefined && hasNews) expect(told).toContain(i);
        });
        client.sessionId = sessionId;
        client.epoch = sessionId === 0 ? 0 : client.epoch + 1;
        client.sent = new Map(client.wants);
      }

      function answer({ index, fetchOffset }: AskedPartition, hasRoom: boolean): PartitionAnswer {
        const { end, isFailed } = logs[index]!;
        if (isFailed) return { errorCode: ErrorCode.CORRUPT_MESSAGE, highWatermark: -1, records: null };
        const records = hasRoom && fetchOffset < end ? [1] : [];
        return { errorCode: 0, highWatermark: end, logStartOffset: 0, records };
      }
    }),
    { numRuns: 300 },
  );
});

function newClient(): Client {
  return { sessionId: 0, epoch: 0, wants: new Map(), sent: new Map(), view: new Map() };
}

function askFor(index: number, fetchOffset: number): AskedPartition {
  return {
    topic: '',
    topicId: 'id',
    index,
    fetchOffset,
    maxBytes: 1,
    leaderEpoch: -1,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
  };
}

function viewOf({ errorCode, highWatermark }: PartitionAnswer): View {
  return { errorCode, highWatermark };
}

import {
  apis,
  decodeRequest,
  decodeRequestHeader,
  ErrorCode,
  encodeRequest,
  type RequestInput,
} from '@edgelog/wire';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fetch } from '../handlers/01-fetch.ts';
import type { RequestContext } from '../handlers/handler.ts';
import { Partition } from '../partition/partition.ts';
import type { FollowerAnswer, FollowerFetch, Leadership, Replication } from '../partition/replication.ts';
import { FETCH_SESSION_LIMITS, FetchSessionCache } from './session-cache.ts';

const TOPIC_ID = '11111111-1111-1111-1111-111111111111';
const PARTITIONS = 4;
const FOLLOWER = 2;
const MAX_WAIT_MS = 60_000;
/** More than what a follower is kept from what can wait. */
const SOON_MS = 20;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A log whose every offset is one byte. */
class Log {
  logStartOffset = 0;
  logEndOffset = 0;
  flushedEndOffset = 0;

  sizeBytesFrom(offset: number): number {
    return this.logEndOffset - offset;
  }

  damageAt(): undefined {}

  read(offset: number, { endOffset }: { endOffset: number }) {
    const sizeBytes = endOffset - offset;
    return { batches: sizeBytes > 0 ? [Buffer.alloc(sizeBytes)] : [], sizeBytes };
  }
}

/** A leader that may stop to lead, go on, and begin to lead anew, when it has to hear of its follower again. */
class Led implements Replication {
  readonly log = new Log();
  leadership: Leadership = {
    leaderId: 1,
    leaderEpoch: 0,
    replicas: [1, FOLLOWER],
    isr: [1, FOLLOWER],
    elr: [],
    adding: [],
    removing: [],
  };
  leaderRefusal: 'NONE' | 'NOT_LEADER_OR_FOLLOWER' = 'NONE';
  readonly readRefusal = 'NONE';
  readonly commitRefusal = 'NONE';
  readonly isHighWatermarkKnown = true;
  highWatermark = 0;
  heardOf: number | undefined;

  committed() {
    return Promise.resolve('NONE' as const);
  }

  onFlushed(): void {}

  readonly followed = ({ offset }: FollowerFetch): FollowerAnswer => {
    if (this.leaderRefusal !== 'NONE') return { kind: 'error', error: this.leaderRefusal };
    this.heardOf = offset;
    return { kind: 'read' };
  };
}

const KINDS = ['append', 'commit', 'trim', 'refuse', 'anew', 'isr', 'again'] as const;
const change = fc.record({ kind: fc.constantFrom(...KINDS), p: fc.nat(PARTITIONS - 1) });
const changes = fc.array(change, { maxLength: 4 });
const round = fc.record({
  before: changes,
  during: changes,
  more: changes,
  isFull: fc.nat(9).map((n) => n === 0),
});

interface Change {
  readonly kind: (typeof KINDS)[number];
  readonly p: number;
}

function world() {
  const leds: Led[] = [];
  const partitions: Partition[] = [];
  const make = (p: number): void => {
    const led = new Led();
    leds[p] = led;
    partitions[p] = new Partition('t', p, led.log as never, led);
  };
  for (let p = 0; p < PARTITIONS; p++) make(p);
  let topic = { name: 't', partitions };
  const apply = ({ kind, p }: Change): void => {
    const led = leds[p]!;
    const partition = partitions[p]!;
    const { log } = led;
    if (kind === 'append') {
      log.logEndOffset += 1;
      for (const notify of [...partition.whenAppended]) notify();
      return;
    }
    if (kind === 'commit') led.highWatermark = log.logEndOffset;
    if (kind === 'trim') log.logStartOffset = led.highWatermark;
    if (kind === 'refuse')
      led.leaderRefusal = led.leaderRefusal === 'NONE' ? 'NOT_LEADER_OR_FOLLOWER' : 'NONE';
    if (kind === 'anew') led.heardOf = undefined;
    if (kind === 'isr') {
      const isr = led.leadership.isr.length === 1 ? [1, FOLLOWER] : [1];
      led.leadership = { ...led.leadership, isr };
    }
    if (kind === 'again') {
      make(p);
      topic = { ...topic };
      partition.close();
    } else partition.changed();
  };
  return { leds, apply, topic: () => topic };
}

function contextOf(
  topic: () => { name: string; partitions: Partition[] },
  isCluster: boolean,
): RequestContext {
  let id = 0;
  return {
    apiVersion: 15,
    fetchSessions: new FetchSessionCache(FETCH_SESSION_LIMITS, () => ++id),
    broker: {
      nodeId: 1,
      topics: { byId: () => topic(), get: () => topic() },
      settings: { etcd: isCluster ? ['etcd'] : [] },
      responses: { remainingBytes: 1e9 },
      cluster: { nodes: () => [] },
    },
    client: { whenClosed: new Set(), isClosed: false, local: { host: 'localhost', port: 1 } },
    responseMemory: { take: (sizeBytes: number) => Buffer.alloc(sizeBytes) },
    readAhead: { take: () => undefined, begin: () => {} },
  } as unknown as RequestContext;
}

interface View {
  offset: number;
  sent: number | undefined;
  errorCode: number;
  highWatermark: number;
  logStartOffset: number;
}

for (const who of ['follower', 'consumer'] as const) {
  test(`whatever changes between and during fetches, a ${who} is told of it at once and knows what a full fetch would tell`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(round, { maxLength: 25 }), async (rounds) => {
        const { leds, apply, topic } = world();
        const context = contextOf(topic, who === 'follower');
        const views = Array.from({ length: PARTITIONS }, newView);
        let sessionId = 0;
        let sessionEpoch = 0;
        for (const { before, during, more, isFull } of rounds) {
          for (const one of before) apply(one);
          if (isFull) {
            sessionEpoch = 0;
            for (const view of views) view.sent = undefined;
          }
          await one({ during, more });
        }
        // Nothing more happens: it is told the rest, and then nothing.
        for (let i = 0; i < 4; i++) await one({ during: [], more: [] });
        leds.forEach((led, p) => {
          expect(views[p]).toMatchObject(truth(led, views[p]!.offset));
          if (led.leaderRefusal === 'NONE') expect(views[p]!.offset).toBeGreaterThanOrEqual(endFor(led));
        });

        async function one({ during, more }: Record<'during' | 'more', readonly Change[]>): Promise<void> {
          const asked = views.flatMap(({ offset, sent }, partition) =>
            sent === offset
              ? []
              : [
                  {
                    partition,
                    fetchOffset: offset,
                    currentLeaderEpoch: 0,
                    logStartOffset: 0,
                    partitionMaxBytes: 1_000,
                  },
                ],
          );
          for (const view of views) view.sent = view.offset;
          const body: RequestInput<'fetch'> = {
            replicaState:
              who === 'follower'
                ? { replicaId: FOLLOWER, replicaEpoch: 5 }
                : { replicaId: -1, replicaEpoch: -1 },
            maxWaitMs: MAX_WAIT_MS,
            minBytes: 1,
            maxBytes: 1_000_000,
            sessionId,
            sessionEpoch,
            topics: asked.length === 0 ? [] : [{ topicId: TOPIC_ID, partitions: asked }],
            forgottenTopicsData: [],
            rackId: '',
          };
          const frame = encodeRequest(apis.fetch, 15, { correlationId: 1, clientId: null }, body).subarray(4);
          const request = decodeRequest(apis.fetch, 15, frame, decodeRequestHeader(frame).bodyAt);
          let isDone = false;
          const answered = Promise.resolve(fetch(request, context)).then((response) => {
            isDone = true;
            return response;
          });
          if (who === 'follower')
            for (const led of leds) if (led.leaderRefusal === 'NONE') expect(led.heardOf).toBeDefined();
          await vi.advanceTimersByTimeAsync(0);
          for (const change of during) apply(change);
          await vi.advanceTimersByTimeAsync(0);
          for (const change of more) if (!isDone) apply(change);
          const mustHear = leds.some((led, p) => isUrgent(led, views[p]!));
          await vi.advanceTimersByTimeAsync(SOON_MS);
          if (mustHear) expect(isDone).toBe(true);
          await vi.advanceTimersByTimeAsync(MAX_WAIT_MS);
          const response = (await answered)!;
          expect(response.errorCode).toBe(0);
          for (const { partitions } of response.responses!) {
            for (const {
              partitionIndex: p,
              errorCode,
              highWatermark,
              logStartOffset,
              records,
            } of partitions) {
              const view = views[p!]!;
              const bytes = ((records ?? []) as Buffer[]).reduce((sum, { length }) => sum + length, 0);
              Object.assign(view, { errorCode, highWatermark, logStartOffset, offset: view.offset + bytes });
              // As clients do, from where the log begins or ends now.
              if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) view.offset = leds[p!]!.log.logStartOffset;
            }
          }
          sessionId = response.sessionId!;
          sessionEpoch += 1;
        }
      }),
      { numRuns: 100 },
    );
  });

  const endFor = ({ highWatermark, log }: Led): number =>
    who === 'follower' ? log.logEndOffset : highWatermark;

  const truth = ({ leaderRefusal, highWatermark, log }: Led, offset: number) => {
    if (leaderRefusal !== 'NONE') return { errorCode: ErrorCode[leaderRefusal], highWatermark: -1 };
    if (offset < log.logStartOffset || offset > log.logEndOffset)
      return { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE };
    return { errorCode: 0, highWatermark, logStartOffset: log.logStartOffset };
  };

  /** Whether a fetch may not wait for its time to run out. */
  const isUrgent = (led: Led, view: View): boolean => {
    const { errorCode, highWatermark } = truth(led, view.offset);
    if (errorCode !== 0 || view.offset < endFor(led)) return true;
    return who === 'follower' && highWatermark !== view.highWatermark && view.errorCode === 0;
  };
}

function newView(): View {
  return { offset: 0, sent: undefined, errorCode: 0, highWatermark: -1, logStartOffset: -1 };
}

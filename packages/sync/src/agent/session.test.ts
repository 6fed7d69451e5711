import { RecordsEncoder, sequenceOf } from '@edgelog/wire';
import { expect, test } from 'vitest';
import type { RefusalCode } from '../ports.ts';
import type { AgentEvent } from './events.ts';
import { handleAgent } from './session.ts';
import { createAgentSession } from './state.ts';

const run = { producerId: 2 ** 52 + 7, logId: 'log', topic: 't', firstOffset: 0 };

const RANK = { priority: 0, isBacklog: false };

function liveSession(moveAfterMs?: number) {
  const session = createAgentSession(
    { gateway: 'gw', instance: 'i', version: '1' },
    { maxFrameBytes: 10_000, moveAfterMs },
  );
  const at = (now: number, event: AgentEvent) => handleAgent(session, event, now).effects;
  at(0, { type: 'stream', run, acked: undefined, sealedEndOffset: 5, ended: false, ...RANK });
  at(0, { type: 'connected', time: 0 });
  at(0, { type: 'welcome', version: 1, hubId: 'hub', time: 0, credit: 10_000, maxFrameBytes: 10_000 });
  const refuse = (now: number, handle: number, code: RefusalCode) =>
    at(now, { type: 'refuse', handle, code, message: 'the batch has 7 bytes' });
  return { session, at, refuse };
}

test('a stream that the hub will not take is offered again every minute: its operator may have raised the limit', () => {
  const { session, at, refuse } = liveSession();
  for (const [handle, now] of [
    [1, 0],
    [2, 60_000],
  ] as const) {
    const code = 'illegal-topic';
    expect(refuse(now, handle, code)).toContainEqual(expect.objectContaining({ type: 'refused', code }));
    expect(session.streams.get(run.producerId)?.phase).toBe('refused');
    expect(at(now + 59_999, { type: 'tick' })).toEqual([]);
    expect(at(now + 60_000, { type: 'tick' })).toMatchObject([{ type: 'send', frame: { type: 'open' } }]);
  }
});

test('a stream that the hub cannot take for now is opened again within moments, without complaint, however long it lasts', () => {
  const { session, at, refuse } = liveSession();
  let now = 0;
  const waits: number[] = [];
  for (let handle = 1; handle <= 8; handle++) {
    const effects = refuse(now, handle, 'not-available');
    expect(effects.filter(({ type }) => type !== 'send').length).toBe(handle === 1 ? 1 : 0);
    if (handle === 1)
      expect(effects).toContainEqual(expect.objectContaining({ type: 'report', level: 'info' }));
    expect(session.streams.get(run.producerId)?.phase).toBe('waiting');
    const waitedFrom = now;
    while (at(now, { type: 'tick' }).length === 0) now += 100;
    waits.push(now - waitedFrom);
  }
  expect(waits).toEqual([200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000]);
  expect(session.phase).toBe('live');
});

test('what keeps a stream waiting is told once, not at each attempt', () => {
  const { at, refuse } = liveSession();
  let now = 0;
  const told: RefusalCode[] = [];
  const codes = ['store-failed', 'store-failed', 'store-failed', 'topic-missing', 'topic-missing'] as const;
  for (const [attempt, code] of codes.entries()) {
    if (refuse(now, attempt + 1, code).some(({ type }) => type === 'report')) told.push(code);
    while (at(now, { type: 'tick' }).length === 0) now += 100;
  }
  expect(told).toEqual(['store-failed', 'topic-missing']);
});

test('a hub that can take nothing is left for another, if there is one; one that takes some stream is not', () => {
  const { session, at, refuse } = liveSession(3_000);
  refuse(0, 1, 'not-available');
  expect(at(2_000, { type: 'tick' })).toMatchObject([{ type: 'send', frame: { type: 'open', handle: 2 } }]);
  at(2_100, { type: 'opened', handle: 2, partition: 0, next: null, crc: null });
  refuse(2_200, 2, 'not-available');
  expect(at(5_000, { type: 'tick' })).toMatchObject([{ type: 'send', frame: { type: 'open', handle: 3 } }]);
  refuse(5_100, 3, 'not-available');
  expect(at(5_200, { type: 'tick' })).toMatchObject([{ type: 'end', retry: 'soon', code: 'not-available' }]);
  expect(session.phase).toBe('ended');
});

/** A batch with one record at each offset. */
function batchAt(offset: number, producerId = run.producerId): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: offset, baseTimestamp: 1 });
  encoder.append({ timestamp: 1, key: null, value: Buffer.alloc(10) });
  return encoder.sealSync({
    compression: 'none',
    producerId,
    producerEpoch: 0,
    baseSequence: sequenceOf(offset),
  });
}

test('one poison batch blocks the queue (InfluxDB): refused alone three times, it is set aside, and only it', () => {
  const { session, at, refuse } = liveSession();
  const { producerId } = run;
  const position = { next: 2, crc: 1 };
  const ready = { type: 'ready', maxBytes: 1_000, leastPriority: 0 } as const;
  const local = { logStartOffset: 0, sealedEndOffset: 5, ended: false, acked: position, crcAtHub: 1 };
  const openedAgain = (now: number) => {
    const handle = session.nextHandle - 1;
    at(now, { type: 'opened', handle, partition: 0, ...position });
    at(now, { type: 'located', producerId, local });
    return handle;
  };
  let handle = openedAgain(0);
  at(0, ready);
  at(0, { type: 'batches', producerId, batches: [batchAt(2), batchAt(3)] });
  expect(session.inFlightBytes).toBeGreaterThan(100);
  refuse(0, handle, 'batch-too-large');
  let now = 0;
  for (let time = 1; time <= 3; time++) {
    now += 60_000;
    at(now, { type: 'tick' });
    handle = openedAgain(now);
    expect(at(now, ready)).toMatchObject([{ type: 'read', offset: 2, maxBytes: 1 }]);
    at(now, { type: 'batches', producerId, batches: [batchAt(2)] });
    expect(at(now, ready)).toEqual([]);
    const effects = refuse(now, handle, 'batch-too-large');
    const setAside = effects.find(({ type }) => type === 'setAside');
    if (time < 3) expect(setAside).toBeUndefined();
    else expect(setAside).toMatchObject({ refused: { offset: 2, code: 'batch-too-large' }, hub: position });
  }
  at(now, { type: 'restarted', producerId, error: 'LIMIT_EXCEEDED: no room' });
  expect(session.streams.get(producerId)?.phase).toBe('refused');
});

test('a topic that the hub refuses is nobody batch’s fault: it waits, however often', () => {
  const { session, at, refuse } = liveSession();
  for (let time = 0; time < 10; time++) {
    const effects = refuse(time * 60_000, session.nextHandle - 1, 'illegal-topic');
    expect(effects.map(({ type }) => type)).not.toContain('setAside');
    at((time + 1) * 60_000, { type: 'tick' });
  }
});

test('a run that ends before what cannot be read is compared again, and what is behind it flows as another run', () => {
  const { session, at } = liveSession();
  const { producerId } = run;
  const local = {
    logStartOffset: 0,
    sealedEndOffset: 5,
    ended: false,
    acked: undefined,
    crcAtHub: undefined,
  };
  at(0, { type: 'opened', handle: 1, partition: 0, next: null, crc: null });
  at(0, { type: 'located', producerId, local });
  at(0, { type: 'ready', maxBytes: 1_000, leastPriority: 0 });
  const unreadable = at(0, { type: 'batches', producerId, batches: { problem: 'CRC mismatch' } });
  expect(unreadable).toContainEqual({ type: 'unreadable', producerId, offset: 0, hub: undefined });
  expect(session.streams.get(producerId)?.phase).toBe('waiting');
  at(10, {
    type: 'stream',
    run,
    acked: undefined,
    sealedEndOffset: 2,
    ended: false,
    ...RANK,
    isBacklog: true,
  });
  const behind = { ...run, producerId: producerId + 1, firstOffset: 3 };
  const opened = at(10, {
    type: 'stream',
    run: behind,
    acked: undefined,
    sealedEndOffset: 5,
    ended: false,
    ...RANK,
  });
  expect(opened).toMatchObject([{ type: 'send', frame: { type: 'open', firstOffset: 3, sealedEnd: 5 } }]);
  expect(at(60_000, { type: 'tick' })).toMatchObject([
    { type: 'send', frame: { type: 'open', sealedEnd: 2 } },
  ]);
});

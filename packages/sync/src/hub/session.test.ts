import { sealBatch } from '@edgelog/sim';
import { beforeEach, describe, expect, test } from 'vitest';
import type { OpenFrame } from '../frames/types.ts';
import type { Position } from '../ports.ts';
import type { HubEvent } from './events.ts';
import { handleHub } from './session.ts';
import { createHubSession, type HubSession } from './state.ts';

const producerId = 2 ** 52 + 7;
const hello: HubEvent = {
  type: 'hello',
  version: 1,
  gateway: 'gw',
  instance: 'i',
  agentVersion: '1',
  time: 0,
};
const open: OpenFrame = {
  type: 'open',
  handle: 1,
  producerId,
  logId: 'log',
  topic: 't',
  firstOffset: 0,
  ackedNext: null,
  ackedCrc: null,
  sealedEnd: 100,
};
const batchAt = (baseOffset: number, count = 1, pid = producerId): HubEvent => ({
  type: 'batch',
  handle: 1,
  bytes: sealBatch({ producerId: pid, baseOffset, records: Array(count).fill(0), time: 0 }),
});

describe('hub session', () => {
  let session: HubSession;
  const on = (event: HubEvent) => handleHub(session, event, 1_000).effects;
  const frames = (event: HubEvent) =>
    on(event).flatMap((effect) => (effect.type === 'send' ? [effect.frame] : []));
  const opened = (position?: Position) => frames({ type: 'runOpened', handle: 1, partition: 3, position });

  beforeEach(() => {
    session = createHubSession('hub', { creditBytes: 10_000, maxFrameBytes: 10_000, streamsMax: 2 });
    on(hello);
    expect(frames({ type: 'admitted' })).toMatchObject([{ type: 'welcome', credit: 10_000 }]);
    on(open);
  });

  test('acknowledges what is committed only, once per run and turn, and gives its credit back', () => {
    expect(opened()).toEqual([{ type: 'opened', handle: 1, partition: 3, next: null, crc: null }]);
    for (const at of [0, 1, 2]) expect(on(batchAt(at))).toMatchObject([{ type: 'append', producerId }]);
    expect(frames({ type: 'flush' })).toEqual([]);
    on({ type: 'committed', handle: 1, position: { next: 1, crc: 11 } });
    on({ type: 'committed', handle: 1, position: { next: 2, crc: 22 } });
    const spent = 10_000 - session.credit;
    expect(frames({ type: 'flush' })).toEqual([
      { type: 'ack', handle: 1, next: 2, crc: 22 },
      { type: 'credit', bytes: (spent * 2) / 3 },
    ]);
    expect(frames({ type: 'flush' })).toEqual([]);
  });

  test('a commit further than this session sent acknowledges no more than it sent', () => {
    opened();
    on(batchAt(0));
    on({ type: 'committed', handle: 1, position: { next: 50, crc: 1 } });
    expect(frames({ type: 'flush' })).toMatchObject([{ type: 'ack', next: 1 }, { type: 'credit' }]);
  });

  test.each<[string, HubEvent, string, RegExp]>([
    ['a hole', batchAt(5), 'out-of-order', /offset 5 where 0 is next/],
    ['another run', batchAt(0, 1, producerId + 1), 'corrupt-batch', /batch of producer/],
    ['garbage', { type: 'batch', handle: 1, bytes: Buffer.alloc(100) }, 'corrupt-batch', /magic 0/],
    [
      'two batches',
      { type: 'batch', handle: 1, bytes: Buffer.alloc(80, 2) },
      'corrupt-batch',
      /batch length/,
    ],
  ])('%s refuses the stream, not the session, and gives the credit back', (_, event, code, message) => {
    opened();
    expect(frames(event)).toMatchObject([
      { type: 'refuse', handle: 1, code, message: expect.stringMatching(message) },
    ]);
    expect(session.phase).toBe('live');
    on(batchAt(0));
    frames({ type: 'flush' });
    expect(session.credit).toBe(10_000);
  });

  test('what the store refuses refuses the stream', () => {
    opened();
    on(batchAt(0));
    const message = 'CRC';
    expect(frames({ type: 'appendRefused', handle: 1, code: 'corrupt-batch', message })).toMatchObject([
      { type: 'refuse', handle: 1, code: 'corrupt-batch' },
    ]);
  });

  test('a commit whose fate is unknown refuses the stream alone, gives all credit back, and its late commits are nobody’s', () => {
    opened();
    for (const at of [0, 1, 2]) on(batchAt(at));
    on({ type: 'committed', handle: 1, position: { next: 1, crc: 11 } });
    const lost: HubEvent = { type: 'commitRefused', handle: 1, code: 'not-available', message: 'moved' };
    expect(frames(lost)).toEqual([{ type: 'refuse', handle: 1, code: 'not-available', message: 'moved' }]);
    expect(on(lost)).toEqual([]);
    on({ type: 'committed', handle: 1, position: { next: 3, crc: 33 } });
    expect(frames({ type: 'flush' })).toMatchObject([{ type: 'ack', next: 1 }, { type: 'credit' }]);
    expect(session).toMatchObject({ credit: 10_000, uncommittedBytes: 0, phase: 'live' });
    on({ type: 'close', handle: 1 });
    expect(frames({ ...open, handle: 2 })).toEqual([]);
    expect(session.streams.size).toBe(1);
  });

  test('a closed stream goes with a commit whose fate is unknown, and its credit comes back', () => {
    opened();
    on(batchAt(0));
    on({ type: 'close', handle: 1 });
    expect(on({ type: 'commitRefused', handle: 1, code: 'not-available', message: 'moved' })).toEqual([]);
    expect(session.streams.size).toBe(0);
    frames({ type: 'flush' });
    expect(session.credit).toBe(10_000);
  });

  test('a run that has diverged is reported and takes no batch', () => {
    const effects = on({ type: 'runOpened', handle: 1, partition: 0, position: { next: 200, crc: 5 } });
    expect(effects).toMatchObject([{ type: 'divergence', reason: 'hub-ahead' }, { type: 'send' }]);
    expect(frames(batchAt(200))).toMatchObject([{ type: 'refuse', handle: 1, code: 'out-of-order' }]);
  });

  test.each<[string, HubEvent]>([
    ['a batch for a handle that is not open', { type: 'batch', handle: 9, bytes: Buffer.alloc(1) }],
    ['more than the credit', { type: 'batch', handle: 1, bytes: Buffer.alloc(10_001) }],
    ['a second hello', hello],
    ['a handle used twice', { ...open, producerId: producerId + 1 }],
    ['a run opened twice', { ...open, handle: 2 }],
    ['a producer id outside the range', { ...open, handle: 2, producerId: 5 }],
  ])('%s ends the session', (_, event) => {
    opened();
    expect(on(event)).toMatchObject([
      { type: 'send', frame: { type: 'refuse', code: 'protocol-error', handle: null } },
      { type: 'end', code: 'protocol-error' },
    ]);
    expect(on(batchAt(0))).toEqual([]);
  });

  test('a stream more than there is room for is refused alone, and its close is no violation', () => {
    const third = { ...open, handle: 3, producerId: producerId + 3 };
    on({ ...open, handle: 2, producerId: producerId + 2 });
    expect(frames(third)).toMatchObject([{ type: 'refuse', handle: 3 }]);
    expect(on({ type: 'close', handle: 3 })).toEqual([]);
    expect(session.phase).toBe('live');
    expect(on({ type: 'close', handle: 4 })).toMatchObject([{ frame: { handle: null } }, { type: 'end' }]);
  });

  test('a failed store ends the session', () => {
    expect(on({ type: 'storeFailed', message: 'disk' })).toMatchObject([
      { frame: { code: 'store-failed', handle: null } },
      { type: 'end' },
    ]);
  });

  test('commits after a close give their credit back and the handle goes with the last', () => {
    opened();
    on(batchAt(0));
    on({ type: 'close', handle: 1 });
    expect(session.streams.size).toBe(1);
    on({ type: 'committed', handle: 1, position: { next: 1, crc: 1 } });
    expect(session.streams.size).toBe(0);
    expect(frames({ type: 'flush' })).toMatchObject([{ type: 'credit' }]);
    expect(session.credit).toBe(10_000);
  });

  test('an older protocol is refused with the versions spoken here', () => {
    session = createHubSession('hub', { creditBytes: 10_000, maxFrameBytes: 10_000, streamsMax: 2 });
    expect(on({ ...hello, version: 0 })).toMatchObject([
      { frame: { code: 'unsupported-version', message: expect.stringContaining('versions 1 to 1') } },
      { type: 'end' },
    ]);
  });
});

import { expect, test } from 'vitest';
import type { RefusalCode } from '../ports.ts';
import type { AgentEvent } from './events.ts';
import { handleAgent } from './session.ts';
import { createAgentSession } from './state.ts';

const run = { producerId: 2 ** 52 + 7, logId: 'log', topic: 't', firstOffset: 0 };

function liveSession(moveAfterMs?: number) {
  const session = createAgentSession(
    { gateway: 'gw', instance: 'i', version: '1' },
    { maxFrameBytes: 10_000, moveAfterMs },
  );
  const at = (now: number, event: AgentEvent) => handleAgent(session, event, now).effects;
  at(0, { type: 'stream', run, acked: undefined, sealedEndOffset: 5, ended: false });
  at(0, { type: 'connected' });
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
    const code = 'batch-too-large';
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

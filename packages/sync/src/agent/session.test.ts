import { expect, test } from 'vitest';
import type { AgentEvent } from './events.ts';
import { handleAgent } from './session.ts';
import { createAgentSession } from './state.ts';

test('a stream that the hub will not take is offered again every minute: its operator may have raised the limit', () => {
  const session = createAgentSession(
    { gateway: 'gw', instance: 'i', version: '1' },
    { maxFrameBytes: 10_000 },
  );
  const at = (now: number, event: AgentEvent) => handleAgent(session, event, now).effects;
  const run = { producerId: 2 ** 52 + 7, logId: 'log', topic: 't', firstOffset: 0 };
  at(0, { type: 'stream', run, acked: undefined, sealedEndOffset: 5, ended: false });
  at(0, { type: 'connected' });
  at(0, { type: 'welcome', version: 1, hubId: 'hub', time: 0, credit: 10_000, maxFrameBytes: 10_000 });
  for (const [handle, now] of [
    [1, 0],
    [2, 60_000],
  ] as const) {
    const code = 'batch-too-large';
    const effects = at(now, { type: 'refuse', handle, code, message: 'the batch has 7 bytes' });
    expect(effects).toContainEqual(expect.objectContaining({ type: 'refused', code }));
    expect(session.streams.get(run.producerId)?.phase).toBe('refused');
    expect(at(now + 59_999, { type: 'tick' })).toEqual([]);
    expect(at(now + 60_000, { type: 'tick' })).toMatchObject([{ type: 'send', frame: { type: 'open' } }]);
  }
});

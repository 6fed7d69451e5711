import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Position } from './ports.ts';
import { decideResume, hubDivergence, type LocalFacts } from './resume.ts';

const run = { producerId: 2 ** 52, logId: 'log', topic: 'topic', firstOffset: 100 };
const at = (next: number, crc = next): Position => ({ next, crc });
const send = (from: number, more: { acknowledge?: Position; resent?: number } = {}) => ({
  kind: 'send',
  from,
  acknowledge: more.acknowledge,
  resent: more.resent ?? 0,
});
const newRun = (reason: string) => ({ kind: 'new-run', reason });

/** Local batches end at every multiple of 10, each with its end as CRC, from the log start on. */
function facts(o: Partial<LocalFacts> & { hub?: Position | undefined }): LocalFacts {
  const { hub, ...given } = o;
  const { logStartOffset = 100, sealedEndOffset = 200 } = given;
  const there = hub && hub.next > logStartOffset && hub.next <= sealedEndOffset && hub.next % 10 === 0;
  const crcAtHub = there ? hub.next : undefined;
  return { logStartOffset, sealedEndOffset, ended: false, acked: undefined, crcAtHub, ...given };
}

test.each<[string, Partial<LocalFacts>, Position | undefined, object]>([
  ['R1', {}, undefined, send(100)],
  ['R2', { acked: at(150) }, undefined, newRun('hub-lost-data')],
  ['R3', {}, at(100), newRun('crc-mismatch')],
  ['R4', { acked: at(150), logStartOffset: 150 }, at(150), send(150)],
  ['R5', { acked: at(150) }, at(150, 1), newRun('crc-mismatch')],
  ['R6', { acked: at(150) }, at(210), newRun('hub-ahead')],
  ['R6, all acknowledged', { acked: at(200) }, at(210), newRun('hub-ahead')],
  ['R7', { acked: at(150) }, at(170), send(170, { acknowledge: at(170) })],
  ['R7, nothing acknowledged', {}, at(200), send(200, { acknowledge: at(200) })],
  ['R8', { acked: at(150) }, at(170, 1), newRun('crc-mismatch')],
  ['R8, no such batch', { acked: at(150) }, at(175), newRun('crc-mismatch')],
  ['R9', { acked: at(150) }, at(120), send(120, { resent: 30 })],
  ['R10, freed', { acked: at(150), logStartOffset: 150 }, at(120), newRun('hub-lost-data')],
  ['R10, other bytes', { acked: at(150) }, at(120, 1), newRun('hub-lost-data')],
  ['R11', { acked: at(150), ended: true, logStartOffset: 200 }, at(170, 1), send(200)],
  ['R11, equal', { acked: at(150), ended: true, logStartOffset: 200 }, at(150), send(200)],
  ['R10, ended', { acked: at(150), ended: true, logStartOffset: 200 }, at(120), newRun('hub-lost-data')],
  ['R12 after R1', { logStartOffset: 120 }, undefined, newRun('dropped')],
  ['R12 after R4', { acked: at(150), logStartOffset: 160 }, at(150), newRun('dropped')],
  ['R12 after R7', { acked: at(150), logStartOffset: 180, crcAtHub: 170 }, at(170), newRun('dropped')],
])('%s', (_, local, hub, expected) => {
  expect(decideResume(run, facts({ ...local, hub }), hub)).toEqual(expected);
});

const positions = fc.option(
  fc.record({ next: fc.integer({ min: 90, max: 230 }), crc: fc.integer({ min: 90, max: 230 }) }),
  { nil: undefined },
);
const locals = fc
  .record({
    logStartOffset: fc.integer({ min: 100, max: 200 }),
    sealedEndOffset: fc.integer({ min: 100, max: 220 }),
    acked: fc.option(
      fc.integer({ min: 101, max: 200 }).map((next) => at(next)),
      { nil: undefined },
    ),
    crcAtHub: fc.option(fc.integer({ min: 90, max: 230 }), { nil: undefined }),
  })
  .map((local) =>
    facts({ ...local, sealedEndOffset: Math.max(local.sealedEndOffset, local.acked?.next ?? 0) }),
  );

test('a run goes on only where the hub is, with equal bytes, from data that is here', () => {
  fc.assert(
    fc.property(locals, positions, (local, hub) => {
      const decision = decideResume(run, local, hub);
      if (decision.kind !== 'send') return;
      expect(decision.from).toBe(hub?.next ?? run.firstOffset);
      expect(decision.from).toBeGreaterThanOrEqual(local.logStartOffset);
      expect(decision.from).toBeLessThanOrEqual(local.sealedEndOffset);
      if (hub !== undefined) {
        expect(hub.next === local.acked?.next ? local.acked.crc : local.crcAtHub).toBe(hub.crc);
      }
    }),
  );
});

test('where the hub sees a divergence, the agent sees one', () => {
  fc.assert(
    fc.property(locals, positions, (local, hub) => {
      const seen = hubDivergence(run, local.acked, local.sealedEndOffset, hub);
      if (seen !== undefined) expect(decideResume(run, local, hub)).toMatchObject({ kind: 'new-run' });
    }),
  );
});

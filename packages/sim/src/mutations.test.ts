import type * as runs from '@edgelog/edge/runs.ts';
import type * as resume from '@edgelog/sync/resume.ts';
import { expect, test } from 'vitest';
import type { HubFaults } from './hub-store.ts';
import { mutating, violationAmong } from './testing/mutating.ts';
import type { Fault } from './world.ts';

/** The simulator is worth something if it finds bugs: each of these is one, put in on purpose. */

interface Modules {
  '@edgelog/edge/runs.ts': typeof runs;
  '@edgelog/sync/resume.ts': typeof resume;
}

const mutate = mutating<Modules>();

/** The first violation within some seeds. */
async function firstViolation({
  seeds = 30,
  ...options
}: {
  faults: readonly Fault[];
  hubFaults?: HubFaults;
  keepAcked?: number;
  liveFirst?: boolean;
  seeds?: number;
}): Promise<string | undefined> {
  const { runWorld } = await import('./world.ts');
  return violationAmong({ count: seeds }, (seed) => runWorld({ seed, ...options }));
}

test('a hub that acknowledges before it commits is caught', async () => {
  const found = await firstViolation({ faults: ['killHub'], hubFaults: { ackBeforeCommit: true } });
  expect(found).toMatch(/never committed/);
});

test('a hub that stores repeats again is caught', async () => {
  const world = { faults: ['break'], keepAcked: 1_000_000 } as const;
  expect(await firstViolation({ ...world, hubFaults: { stalePosition: true, noDedupe: true } })).toMatch(
    /is next|times/,
  );
});

test('a new leader that lacks what was acknowledged is caught', async () => {
  const found = await firstViolation({ faults: ['moveLeader'], hubFaults: { ackBeforeCommit: true } });
  expect(found).toMatch(/never committed/);
});

test('a leader that lets a run go on from what is not committed is caught', async () => {
  const found = await firstViolation({
    faults: ['moveLeader', 'break'],
    hubFaults: { uncommittedPosition: true },
  });
  expect(found).toMatch(/never committed/);
});

test('sides that ignore a CRC mismatch are caught', async () => {
  await mutate('@edgelog/sync/resume.ts', ({ decideResume, hubDivergence }) => ({
    decideResume: (run, local, hub) =>
      decideResume(
        run,
        {
          ...local,
          acked: local.acked && hub?.next === local.acked.next ? hub : local.acked,
          crcAtHub: hub?.crc,
        },
        hub,
      ),
    hubDivergence: (...args) => {
      const found = hubDivergence(...args);
      return found === 'crc-mismatch' ? undefined : found;
    },
  }));
  expect(await firstViolation({ faults: ['restoreAgent', 'clone', 'cut', 'killAgent'] })).toMatch(
    /lost without a word|refused|drained/,
  );
});

test('sides that go on where the hub is ahead of them are caught', async () => {
  await mutate('@edgelog/sync/resume.ts', ({ decideResume, hubDivergence }) => ({
    decideResume: (run, local, hub) => {
      const decision = decideResume(run, local, hub);
      if (decision.kind !== 'new-run' || decision.reason !== 'hub-ahead' || hub === undefined)
        return decision;
      return { kind: 'send', from: hub.next, acknowledge: hub, resent: 0 };
    },
    hubDivergence: (...args) => {
      const found = hubDivergence(...args);
      return found === 'hub-ahead' ? undefined : found;
    },
  }));
  expect(await firstViolation({ faults: ['restoreAgent'] })).toMatch(/lost without a word|wrong|drained/);
});

test('an agent that does not notice that the hub lost data is caught', async () => {
  await mutate('@edgelog/sync/resume.ts', ({ hubDivergence }) => ({
    decideResume: (run, local, hub) => ({
      kind: 'send',
      from: Math.max(local.logStartOffset, hub?.next ?? run.firstOffset),
      acknowledge: undefined,
      resent: 0,
    }),
    hubDivergence,
  }));
  expect(await firstViolation({ faults: ['wipeHub', 'restoreHub'] })).toBeDefined();
});

test('a gateway that frees what the live lane has acknowledged, and with it the backlog, is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', ({ ackedOffset, currentRun }) => ({
    settledOffset: (list) => ackedOffset(currentRun(list)),
  }));
  const world = { faults: ['break', 'killHub'], keepAcked: 0, liveFirst: true } as const;
  expect(await firstViolation(world)).toBeDefined();
});

test('a lane that begins where the old run has sent already is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', ({ openLane }) => ({
    openLane: (list, at, producerId) => {
      openLane(list, at, producerId);
      list.runs.at(-2)!.end = null;
    },
  }));
  expect(await firstViolation({ faults: ['break'], liveFirst: true, keepAcked: 5 })).toBeDefined();
});

test('without a mutation the same worlds are clean', async () => {
  const seeds = 5;
  expect(await firstViolation({ seeds, faults: ['killHub'] })).toBeUndefined();
  expect(await firstViolation({ seeds, faults: ['moveLeader', 'break'] })).toBeUndefined();
  const stale = { keepAcked: 1_000_000, hubFaults: { stalePosition: true } };
  expect(await firstViolation({ seeds, faults: ['break'], ...stale })).toBeUndefined();
  expect(await firstViolation({ seeds, faults: ['restoreAgent', 'clone'] })).toBeUndefined();
  const lanes = { keepAcked: 0, liveFirst: true };
  expect(await firstViolation({ seeds, faults: ['break', 'killHub'], ...lanes })).toBeUndefined();
});

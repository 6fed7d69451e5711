import type * as clockTypes from '@edgelog/edge/clock-types.ts';
import type * as gaps from '@edgelog/edge/gaps.ts';
import type * as growing from '@edgelog/edge/growing-batch.ts';
import type * as room from '@edgelog/edge/room.ts';
import type * as runs from '@edgelog/edge/runs.ts';
import type * as uplinkRun from '@edgelog/edge/uplink-run.ts';
import type * as uplinkSent from '@edgelog/edge/uplink-sent.ts';
import type * as registry from '@edgelog/sync/hub/registry.ts';
import { expect, test } from 'vitest';
import { mutating, violationAmong } from '../testing/mutating.ts';
import type { VolumeFaults } from './volume.ts';
import type { GatewayFault } from './world.ts';

/** The world is worth something if it finds bugs: each of these is one, put in on purpose. */

interface Modules {
  '@edgelog/edge/clock-types.ts': typeof clockTypes;
  '@edgelog/edge/gaps.ts': typeof gaps;
  '@edgelog/edge/growing-batch.ts': typeof growing;
  '@edgelog/edge/room.ts': typeof room;
  '@edgelog/edge/runs.ts': typeof runs;
  '@edgelog/edge/uplink-run.ts': typeof uplinkRun;
  '@edgelog/edge/uplink-sent.ts': typeof uplinkSent;
  '@edgelog/sync/hub/registry.ts': typeof registry;
}

const mutate = mutating<Modules>();

/** Each of the bugs is found within a few seeds of these, in fractions of a second; among the first twenty are worlds that take half a minute. */
const SEEDS = { from: 20, count: 12 };

/** The first violation within some seeds. */
async function firstViolation(options: {
  faults: readonly GatewayFault[];
  volumeFaults?: VolumeFaults;
}): Promise<string | undefined> {
  const { runGateway } = await import('./world.ts');
  return violationAmong(SEEDS, (seed) => runGateway({ seed, ...options }));
}

test('a store that acknowledges before it has flushed is caught', async () => {
  const found = await firstViolation({ faults: ['killGateway'], volumeFaults: { ackBeforeFlush: true } });
  expect(found).toBeDefined();
});

test('readings that are acknowledged when they are taken are caught', async () => {
  await mutate('@edgelog/edge/growing-batch.ts', ({ GrowingBatch }) => ({
    GrowingBatch: class extends GrowingBatch {
      override append(...args: Parameters<InstanceType<typeof GrowingBatch>['append']>) {
        return { ...super.append(...args), durable: Promise.resolve() };
      }
    },
  }));
  expect(await firstViolation({ faults: ['killGateway', 'stallDisk'] })).toMatch(/G[139]/);
});

test('a seal that takes more of the tail away than it holds is caught', async () => {
  const found = await firstViolation({
    faults: ['killGateway', 'burst'],
    volumeFaults: { sealLosesTail: true },
  });
  expect(found).toBeDefined();
});

test('a gateway that frees what no hub has acknowledged is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', () => ({
    settledOffset: (list) => list.runs.at(-1)!.acked?.next ?? list.runs.at(-1)!.firstOffset,
  }));
  expect(await firstViolation({ faults: ['break', 'outage'] })).toBeDefined();
});

test('dropped data that is not declared is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', ({ replaceRun }) => ({
    replaceRun: (...args) => {
      replaceRun(...args);
      return undefined;
    },
  }));
  expect(await firstViolation({ faults: ['burst', 'outage'] })).toMatch(/lost without a word|in 0 gaps/);
});

test('a gap that ends one offset too late is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', ({ replaceRun }) => ({
    replaceRun: (...args) => {
      const lost = replaceRun(...args);
      return lost && { ...lost, to: lost.to + 1 };
    },
  }));
  expect(await firstViolation({ faults: ['burst', 'outage'] })).toMatch(/G10/);
});

test('a gap that a hub hears of before it is on disk is caught', async () => {
  await mutate('@edgelog/edge/gaps.ts', ({ UnconfirmedGaps }) => ({
    UnconfirmedGaps: class extends UnconfirmedGaps {
      override declare(gap: Parameters<InstanceType<typeof UnconfirmedGaps>['declare']>[0]): void {
        super.declare(gap);
        super.written(gap);
      }
    },
  }));
  const faults = ['fillDisk', 'burst', 'stallDisk', 'killGateway'] as const;
  expect(await firstViolation({ faults })).toMatch(/in 2 gaps|the hub has offset/);
});

test('a count of what was dropped that is too low is caught', async () => {
  await mutate('@edgelog/edge/room.ts', ({ RoomMaker }) => ({
    RoomMaker: class extends RoomMaker {
      override droppedOf(topic: string) {
        const dropped = super.droppedOf(topic);
        return dropped && { ...dropped, records: dropped.records >> 1 };
      }
    },
  }));
  expect(await firstViolation({ faults: ['burst', 'outage'] })).toMatch(/counted were/);
});

test('batches that are read in the wrong order are caught', async () => {
  await mutate('@edgelog/edge/uplink-run.ts', ({ UplinkRun }) => ({
    UplinkRun: class extends UplinkRun {
      override read(offset: number, maxBytes: number): Buffer[] {
        return super.read(offset, maxBytes).reverse();
      }
    },
  }));
  expect(await firstViolation({ faults: ['outage'] })).toMatch(/not drained/);
});

test('CRCs of what is in flight that are known from the disk alone are caught, for that rots', async () => {
  await mutate('@edgelog/edge/uplink-sent.ts', ({ SentBatches }) => ({
    SentBatches: class extends SentBatches {
      override crcEndingAt(): undefined {}
    },
  }));
  expect(await firstViolation({ faults: ['damage', 'break', 'cut'] })).toMatch(/crc-mismatch/);
});

test('a lane that begins within what the run before it still sends is caught', async () => {
  await mutate('@edgelog/edge/runs.ts', ({ openLane }) => ({
    openLane: (list, at, producerId) => {
      openLane(list, at, producerId);
      list.runs.at(-2)!.end = at + 1;
    },
  }));
  expect(await firstViolation({ faults: ['break', 'outage'] })).toBeDefined();
});

test('time that goes back with the system’s clock is caught', async () => {
  await mutate('@edgelog/edge/clock-types.ts', () => ({ nextTimestamp: (_floorMs, clock) => clock.now() }));
  expect(await firstViolation({ faults: ['clockSync', 'clockJump', 'powerCut'] })).toMatch(/G7/);
});

test('records of an untrusted clock that do not say so are caught', async () => {
  await mutate('@edgelog/edge/clock-types.ts', () => ({ markUntrusted: (reading) => reading }));
  expect(await firstViolation({ faults: ['powerCut', 'outage'] })).toMatch(/G7/);
});

test('a hub that admits both of two gateways with one name is caught', async () => {
  await mutate('@edgelog/sync/hub/registry.ts', ({ handleRegistry }) => ({
    handleRegistry: (state, event, now) =>
      event.type === 'claim'
        ? { state, effects: [{ type: 'admit', connection: event.claim.connection }] }
        : handleRegistry(state, event, now),
  }));
  expect(await firstViolation({ faults: ['clone'] })).toBeDefined();
});

test('without a mutation the same worlds are clean', async () => {
  expect(await firstViolation({ faults: ['killGateway', 'break'] })).toBeUndefined();
});

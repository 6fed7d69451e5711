import { SEQUENCE_MODULUS, sequenceOf } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ModelGateway } from './testing/model-gateway.ts';
import { type Archived, SinkWorld } from './testing/world.ts';

/** More of them: SINK_WORLDS=500 */
const WORLDS = Number(process.env.SINK_WORLDS ?? 12);

const faults = {
  seed: fc.integer(),
  lossy: fc.constantFrom(0, 0.01, 0.05),
  oldShare: fc.constantFrom(0, 0.5, 1),
  trims: fc.boolean(),
};
const worlds = fc.record({
  ...faults,
  gateways: fc.integer({ min: 1, max: 4 }),
  isAppendTime: fc.boolean(),
  firstOffset: fc.constantFrom(0, 17, SEQUENCE_MODULUS - 40, 5 * SEQUENCE_MODULUS - 3),
  recreates: fc.boolean(),
  batches: fc.constant(300),
});
const clones = fc.record({
  ...faults,
  gateways: fc.constantFrom(2, 4),
  isAppendTime: fc.constant(false),
  firstOffset: fc.constant(0),
  recreates: fc.constant(false),
  trims: fc.constant(false),
  batches: fc.constant(300),
  clonedAfter: fc.integer({ min: 0, max: 40 }),
});

test('whatever dies, moves, is lost or forgotten: each record once, in order, and nothing acknowledged is missing', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (options) => {
      const world = new SinkWorld(options);
      await world.run();
      const found = world.gateways.flatMap((gateway) => [
        ...gateway.alarms,
        ...wrongWith(gateway, world.archive),
      ]);
      expect([...world.problems, ...found]).toEqual([]);
    }),
    { numRuns: WORLDS },
  );
}, 600_000);

test('two clones at different sinks: nobody is told that something is there that is not', async () => {
  await fc.assert(
    fc.asyncProperty(clones, async (options) => {
      const world = new SinkWorld(options);
      await world.run();
      expect([
        ...world.problems,
        ...world.gateways.flatMap((gateway) => notThere(gateway, world.archive)),
      ]).toEqual([]);
    }),
    { numRuns: WORLDS },
  );
}, 600_000);

function wrongWith(gateway: ModelGateway, archive: readonly Archived[]): string[] {
  const wrong: string[] = [];
  const { name, info, starts } = gateway;
  if (!gateway.isDone) wrong.push(`${name} stands at ${gateway.acked?.next}`);
  const mine = archive.filter(({ producerId }) => producerId === info.producerId);
  let next = sequenceOf(info.firstOffset);
  for (const [topicId, batches] of Map.groupBy(mine, (batch) => batch.topicId)) {
    if (new Set(batches.map(({ partition }) => partition)).size > 1)
      wrong.push(`${name} is in two partitions`);
    batches.sort((a, b) => a.baseOffset - b.baseOffset);
    // What went with a topic that was deleted, and nobody had been told of, comes again.
    const isFirst = batches[0] === mine[0];
    if (!isFirst && (next - batches[0]!.from + SEQUENCE_MODULUS) % SEQUENCE_MODULUS < 1_000)
      next = batches[0]!.from;
    const last = new Map<number, number>();
    for (const { from, records, baseOffset, logStartOffset } of batches) {
      // Deleted before anybody was told of it, and forgotten with it: it cannot be known that it was there.
      if ((last.get(from) ?? baseOffset) < logStartOffset) next = from;
      last.set(from, baseOffset);
      if (from !== next) wrong.push(`${name}: ${from} where ${next} is next (${topicId})`);
      next = sequenceOf(from + records);
    }
  }
  if (next !== sequenceOf(starts.at(-1)!)) wrong.push(`${name} ends at ${next}`);
  return wrong;
}

function notThere(gateway: ModelGateway, archive: readonly Archived[]): string[] {
  const { acked, info, starts, name } = gateway;
  const mine = archive.filter(({ producerId }) => producerId === info.producerId);
  const stored = new Set(mine.map(({ from, crc }) => `${from} ${crc}`));
  return starts
    .slice(0, acked === undefined ? 0 : starts.indexOf(acked.next))
    .filter((start, i) => !stored.has(`${sequenceOf(start)} ${gateway.crcEndingAt(starts[i + 1]!)}`))
    .map((start) => `${name}: ${start} of ${acked?.next} acknowledged is not there`);
}

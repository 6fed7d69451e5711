import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIntake, settleIntake } from './intake.ts';

const KIB = 1024;
const LIMIT = 1024 * KIB;
const FRAME_MAX = 200 * KIB;

describe('what a hub takes from all its agents together', () => {
  test('one alone is never held up while it stays below the limit', () => {
    const intake = createIntake(LIMIT);
    expect(settleIntake(intake, 1, LIMIT)).toEqual([]);
    expect(settleIntake(intake, 1, 0)).toEqual([]);
  });

  test('over the limit only those with something under way wait, and go on in their order', () => {
    const intake = createIntake(LIMIT);
    settleIntake(intake, 1, LIMIT - KIB);
    expect(settleIntake(intake, 2, 2 * KIB)).toEqual([{ type: 'pause', connection: 2 }]);
    expect(settleIntake(intake, 1, LIMIT)).toEqual([{ type: 'pause', connection: 1 }]);
    expect(settleIntake(intake, 3, 0)).toEqual([]);
    expect(settleIntake(intake, 1, LIMIT / 2)).toEqual([
      { type: 'resume', connection: 2 },
      { type: 'resume', connection: 1 },
    ]);
  });

  test('whoever waits goes on at its own commit, even while others fill the limit', () => {
    const intake = createIntake(LIMIT);
    settleIntake(intake, 1, LIMIT);
    settleIntake(intake, 2, KIB);
    expect(settleIntake(intake, 2, 0)).toEqual([{ type: 'resume', connection: 2 }]);
  });

  test('a thousand that drain at once: bounded, nobody stuck, everybody done', () => {
    const agent = fc.record({
      frames: fc.integer({ min: 1, max: 20 }),
      bytes: fc.integer({ min: 1, max: FRAME_MAX }),
    });
    const run = fc.record({
      agents: fc.array(agent, { minLength: 1, maxLength: 60 }),
      choices: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(run, ({ agents, choices }) => {
        const intake = createIntake(LIMIT);
        const paused = new Set<number>();
        const sides = agents.map(({ frames, bytes }, id) => ({ id, left: frames, bytes, uncommitted: 0 }));
        const settle = (id: number, bytes: number) => {
          for (const { type, connection } of settleIntake(intake, id, bytes)) {
            expect(paused.has(connection)).toBe(type === 'resume');
            if (type === 'pause') paused.add(connection);
            else paused.delete(connection);
          }
        };
        for (;;) {
          const steps = sides.flatMap((side) => [
            ...(side.left > 0 && !paused.has(side.id) ? [{ side, take: true }] : []),
            ...(side.uncommitted > 0 ? [{ side, take: false }] : []),
          ]);
          if (steps.length === 0) break;
          const { side, take } = steps[choices.next().value % steps.length]!;
          side.left -= take ? 1 : 0;
          side.uncommitted += take ? side.bytes : -side.bytes;
          settle(side.id, side.uncommitted);
          expect(intake.totalBytes).toBe(sides.reduce((sum, { uncommitted }) => sum + uncommitted, 0));
          expect(intake.totalBytes).toBeLessThanOrEqual(LIMIT + sides.length * FRAME_MAX);
        }
        expect(sides.every(({ left }) => left === 0)).toBe(true);
        expect(intake).toMatchObject({ totalBytes: 0, uncommitted: new Map(), waiting: new Set() });
      }),
      { numRuns: 100 },
    );
  });
});

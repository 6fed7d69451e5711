import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUILT_AT_MS, GatewayClock, type GatewayClockOptions } from './clock.ts';
import { FLOOR_HELD_MS_MAX, nextTimestamp } from './clock-types.ts';

const DAY_MS = 86_400_000;
const TRUE_MS = Date.UTC(2026, 10, 22);

/** A machine whose system clock is `errorMs` off. */
function machine(errorMs: number, given: Partial<GatewayClockOptions> = {}) {
  const at = { monotonicMs: 5000, errorMs };
  const trueMs = () => TRUE_MS + at.monotonicMs;
  const wallMs = () => trueMs() + at.errorMs;
  const compared: (number | undefined)[] = [];
  const clock = new GatewayClock({
    wallMs,
    monotonicMs: () => at.monotonicMs,
    onHubCompared: (byMs) => compared.push(byMs),
    ...given,
  });
  return { at, clock, wallMs, trueMs, compared };
}

describe("the gateway's clock", () => {
  test('timestamps before NTP (WaziGate, Pi kernels): 1970 is no time, it goes on from the newest record there is, untrusted', () => {
    const { at, clock } = machine(-TRUE_MS);
    expect(clock.now()).toBe(BUILT_AT_MS);
    const floor = TRUE_MS - DAY_MS;
    clock.raiseFloor(floor);
    at.monotonicMs += 90_000;
    expect(clock.now()).toBe(floor + 90_000);
    expect(clock.status()).toMatchObject({ trusted: false, source: 'unconfirmed' });
  });

  test('a clock that lies beyond what any gateway lives to see is not believed', () => {
    const { clock } = machine(60 * 365 * DAY_MS);
    expect(clock.now()).toBe(BUILT_AT_MS);
  });

  test('clock days off (WaziGate): the hub hands out its time, and records have it from then on', () => {
    const { at, clock, trueMs } = machine(-3 * DAY_MS);
    expect(clock.isTrusted).toBe(false);
    clock.onHubTime(trueMs() - 20, 40);
    expect(clock.now()).toBe(trueMs());
    at.monotonicMs += DAY_MS;
    expect(clock.now()).toBe(trueMs());
    expect(clock.status()).toMatchObject({
      trusted: true,
      source: 'hub',
      offsetToHubMs: 3 * DAY_MS,
      confirmedAgoMs: DAY_MS,
    });
  });

  test("the system's clock jumping under the hub's time changes nothing but a counter", () => {
    const { at, clock, trueMs } = machine(0);
    clock.onHubTime(trueMs(), 0);
    at.errorMs = 7 * DAY_MS;
    expect(clock.now()).toBe(trueMs());
    expect(clock.status()).toMatchObject({ jumps: 1, lastJump: { byMs: 7 * DAY_MS }, trusted: true });
  });

  test('a synchronised clock that jumps is held until the system confirms it anew', () => {
    const { at, clock, wallMs, trueMs } = machine(0);
    clock.onSystemSynchronized(wallMs() - 1000);
    expect(clock.status().source).toBe('system');
    at.monotonicMs += 60_000;
    const noted = wallMs() - 500;
    at.errorMs = DAY_MS;
    expect(clock.now()).toBe(trueMs());
    clock.onSystemSynchronized(noted); // before the jump: says nothing
    expect(clock.status()).toMatchObject({ source: 'held', trusted: true });
    at.errorMs = 0;
    clock.now();
    at.monotonicMs += 1000;
    clock.onSystemSynchronized(wallMs());
    expect(clock.status()).toMatchObject({ source: 'system', jumps: 2 });
  });

  test('a hub that contradicts a synchronised system is told of, not followed', () => {
    const { clock, wallMs, trueMs, compared } = machine(0);
    clock.onSystemSynchronized(wallMs());
    clock.onHubTime(trueMs() + DAY_MS, 10);
    clock.onHubTime(trueMs() + 100, 10);
    expect(compared).toEqual([DAY_MS + 5, undefined]);
    expect(clock.now()).toBe(trueMs());
  });

  test('a hub without a clock of its own, and an answer that was long under way, hand out nothing', () => {
    const { clock, trueMs } = machine(0);
    clock.onHubTime(0, 10);
    clock.onHubTime(trueMs(), 120_000);
    expect(clock.isTrusted).toBe(false);
  });

  test('where the operator says so, the system is always trusted', () => {
    const { at, clock, wallMs } = machine(-DAY_MS, { trustSystem: true });
    at.errorMs = 0;
    expect(clock.now()).toBe(wallMs());
    expect(clock.status()).toMatchObject({ trusted: true, source: 'system', jumps: 1 });
  });

  // What is less than a second is taken for slewing; the floor of each log makes that even.
  test('whatever the clocks do, time goes back only by a confirmation, and an unconfirmed one never does', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('pass' as const), ms: fc.nat(100_000) }),
      fc.record({
        do: fc.constant('jump' as const),
        ms: fc.integer({ min: -9e11, max: 9e11 }).filter((ms) => Math.abs(ms) > 1001),
      }),
      fc.record({ do: fc.constant('sync' as const), ms: fc.constant(0) }),
      fc.record({ do: fc.constant('hub' as const), ms: fc.nat(1000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { at, clock, wallMs, trueMs } = machine(-DAY_MS);
        let before = clock.now();
        for (const one of steps) {
          if (one.do === 'pass') at.monotonicMs += one.ms;
          if (one.do === 'jump') at.errorMs += one.ms;
          if (one.do === 'sync') {
            at.errorMs = 0;
            clock.now();
            clock.onSystemSynchronized(wallMs());
          }
          if (one.do === 'hub') clock.onHubTime(trueMs() - one.ms / 2, one.ms);
          const now = clock.now();
          expect(Number.isSafeInteger(now)).toBe(true);
          const isConfirmation = one.do === 'sync' || one.do === 'hub';
          if (!isConfirmation) expect(now).toBeGreaterThanOrEqual(before);
          if (clock.isTrusted) expect(Math.abs(now - trueMs())).toBeLessThanOrEqual(1);
          before = now;
        }
      }),
    );
  });
});

describe('timestamps in a log', () => {
  const clock = (now: number, isTrusted: boolean) => ({ now: () => now, isTrusted, raiseFloor: () => {} });

  test('go on where a clock steps back a little, or is not trusted', () => {
    expect(nextTimestamp(TRUE_MS, clock(TRUE_MS - 1000, true))).toBe(TRUE_MS);
    expect(nextTimestamp(TRUE_MS, clock(TRUE_MS - DAY_MS, false))).toBe(TRUE_MS);
    expect(nextTimestamp(TRUE_MS, clock(TRUE_MS + 1, false))).toBe(TRUE_MS + 1);
  });

  test('a clock that was years ahead for a moment does not bind a trusted one for years', () => {
    const ahead = TRUE_MS + 4000 * DAY_MS;
    expect(nextTimestamp(ahead, clock(TRUE_MS, true))).toBe(TRUE_MS);
    expect(nextTimestamp(TRUE_MS + FLOOR_HELD_MS_MAX, clock(TRUE_MS, true))).toBe(
      TRUE_MS + FLOOR_HELD_MS_MAX,
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { EnergySignal } from './energy.ts';
import { HumiditySignal } from './humidity.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type Signal } from './signal.ts';
import { TemperatureSignal } from './temperature.ts';
import { VibrationSignal } from './vibration.ts';
import { Weighing } from './weighing.ts';

const START_MS = Date.UTC(2026, 10, 21);
const SIGNALS = { TemperatureSignal, HumiditySignal, VibrationSignal, EnergySignal };
const series = (signal: Signal, stepMs: number, count: number) =>
  Array.from({ length: count }, (_, i) => signal.sample(START_MS + i * stepMs));
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe.each(Object.entries(SIGNALS))('%s', (_name, SignalOfKind) => {
  test('the same seed gives the same readings, another seed others', () => {
    const run = (seed: number) => series(new SignalOfKind(createRandom(seed)), SECOND_MS, 50);
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
  test('stays finite whatever the steps of time', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 * DAY_MS }), { maxLength: 50 });
    fc.assert(
      fc.property(fc.integer(), steps, (seed, waits) => {
        const signal = new SignalOfKind(createRandom(seed));
        let now = START_MS;
        for (const wait of waits) {
          now += wait;
          for (const value of Object.values(signal.sample(now))) {
            if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

test('temperature is warmer in the afternoon and cannot jump', () => {
  const values = series(new TemperatureSignal(createRandom(1)), MINUTE_MS, 10 * 24 * 60).map((r) =>
    Number(r.value),
  );
  const atHour = (hour: number) => mean(values.filter((_, minute) => Math.floor(minute / 60) % 24 === hour));
  expect(atHour(15)).toBeGreaterThan(atHour(3) + 3);
  for (let i = 1; i < values.length; i++) expect(Math.abs(values[i]! - values[i - 1]!)).toBeLessThan(1.5);
  expect(Math.min(...values)).toBeGreaterThan(5);
  expect(Math.max(...values)).toBeLessThan(45);
});

test('humidity falls when the air warms', () => {
  const readings = series(new HumiditySignal(createRandom(2)), 10 * MINUTE_MS, 2_000);
  const percent = readings.map((r) => Number(r.value));
  const air = readings.map((r) => Number(r.air));
  const [meanPercent, meanAir] = [mean(percent), mean(air)];
  const product = mean(percent.map((value, i) => (value - meanPercent) * (air[i]! - meanAir)));
  const deviation = (values: number[], centre: number) =>
    Math.sqrt(mean(values.map((v) => (v - centre) ** 2)));
  expect(product / (deviation(percent, meanPercent) * deviation(air, meanAir))).toBeLessThan(-0.5);
  expect(Math.min(...percent)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...percent)).toBeLessThanOrEqual(100);
});

test('vibration: the peak is above the rms, and bearing faults raise it in bursts', () => {
  const readings = series(new VibrationSignal(createRandom(3)), SECOND_MS, 2 * 3_600);
  const crests = readings.filter((r) => Number(r.rms) > 0.5).map((r) => Number(r.peak) / Number(r.rms));
  expect(readings.every((r) => Number(r.peak) >= Number(r.rms))).toBe(true);
  const sorted = crests.sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(4);
  expect(sorted.at(-1)).toBeGreaterThan(5);
});

test('the energy register never falls and agrees with the power', () => {
  const readings = series(new EnergySignal(createRandom(4)), 10 * SECOND_MS, 6 * 360);
  const register = readings.map((r) => Number(r.energy_kwh));
  for (let i = 1; i < register.length; i++) expect(register[i]).toBeGreaterThanOrEqual(register[i - 1]!);
  const drawnKwh = register.at(-1)! - register[0]!;
  const powerKwh =
    (mean(readings.map((r) => Number(r.power_w))) * (readings.length * 10 * SECOND_MS)) / HOUR_MS / 1_000;
  expect(Math.abs(drawnKwh - powerKwh) / powerKwh).toBeLessThan(0.02);
});

test('a scale settles on each load', () => {
  const weighing = new Weighing(createRandom(5));
  const samples = Array.from({ length: 3_000 }, (_, i) => weighing.sample(START_MS + i * 100));
  const stable = samples.filter(({ isStable }) => isStable);
  expect(stable.length).toBeGreaterThan(500);
  expect(stable.length).toBeLessThan(samples.length);
  expect(stable.some(({ kg }) => kg > 2)).toBe(true);
  expect(stable.some(({ kg }) => Math.abs(kg) < 0.05)).toBe(true);
});

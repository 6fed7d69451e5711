import { expect, test } from 'vitest';
import { WearMeter } from './wear-meter.ts';

const DAY_MS = 86_400_000;
const YEAR_DAYS = 365.25;

function meter(device: { bytes: number; writes: number } | undefined) {
  const at = { ms: 0, logBytes: 0, ingestedBytes: 0, device };
  const wear = new WearMeter({
    device: () => at.device,
    logBytes: () => at.logBytes,
    ingestedBytes: () => at.ingestedBytes,
    monotonicMs: () => at.ms,
    cardBytes: 10e12,
  });
  return { at, wear };
}

test('SD card dead in months (Mycodo, IoT Edge): how long a card lasts is told from what its device wrote', () => {
  const { at, wear } = meter({ bytes: 5e9, writes: 1e6 });
  expect(wear.status()).toMatchObject({ amplification: null, estimatedYears: null });
  at.ms = DAY_MS;
  at.ingestedBytes = 1e9;
  at.logBytes = 3e9;
  at.device = { bytes: 9e9, writes: 1.1e6 };
  expect(wear.status()).toMatchObject({ deviceBytesWritten: 4e9, amplification: 4, bytesPerDay: 4e9 });
  expect(wear.status().estimatedYears).toBeCloseTo(10e12 / 4e9 / YEAR_DAYS, 6);
});

test('small writes wear a card like whole pages, whatever their number of bytes', () => {
  const { at, wear } = meter({ bytes: 0, writes: 0 });
  at.ms = DAY_MS;
  at.device = { bytes: 512e6, writes: 1e6 };
  expect(wear.status().estimatedYears).toBeCloseTo(10e12 / (1e6 * 4096) / YEAR_DAYS, 6);
});

test('where no device can be asked the log speaks for itself', () => {
  const { at, wear } = meter(undefined);
  at.ms = DAY_MS;
  at.logBytes = 2e9;
  at.ingestedBytes = 1e9;
  expect(wear.status()).toMatchObject({ deviceBytesWritten: null, amplification: 2, bytesPerDay: 2e9 });
});

import { expect, test } from 'vitest';
import type { DeviceReading, FaultKind } from '../profiles/decoder.ts';
import { loadProfile } from '../profiles/load.ts';
import { createProtocol } from '../profiles/protocol.ts';
import { VirtualTimers } from '../profiles/virtual-timers.ts';
import { createRandom } from '../random.ts';
import type { InstrumentName } from './instruments.ts';
import { INSTRUMENT_NAMES, INSTRUMENTS } from './instruments.ts';
import { type NoiseOptions, noiseOf, noisy, QUIET_LINE } from './noise.ts';

/** An instrument and its profile on one line, for so much virtual time. */
function converse(name: InstrumentName, noise: NoiseOptions, ms: number) {
  const timers = new VirtualTimers();
  const { profile, create } = INSTRUMENTS[name];
  const sent: Record<string, number | string>[] = [];
  const readings: DeviceReading[] = [];
  const faults: FaultKind[] = [];
  const counts = { messages: 0, spoilt: 0 };
  const instrument = noisy(
    create({
      random: createRandom(name),
      clock: () => 1_764_000_000_000 + timers.now(),
      everyMs: 1_000,
      onSent: (values) => sent.push(values),
    }),
    noise,
    createRandom(`${name} noise`),
    counts,
  );
  const protocol = createProtocol(loadProfile(profile), { everyMs: 5_000 });
  instrument.start({ timers, write: (bytes) => protocol.bytes(bytes, timers.now()) });
  protocol.start({
    timers,
    write: (bytes) => instrument.bytes(bytes),
    emit: (reading) => readings.push(reading),
    leftOut: () => {},
    fault: (kind) => faults.push(kind),
    setLine: () => {},
  });
  timers.advanceTo(ms);
  const values = readings.map(({ value }) => JSON.parse(value.toString()) as Record<string, unknown>);
  /** Readings that hold nothing the instrument sent in one message. */
  const invented = values.filter(
    (value) => !sent.some((one) => Object.entries(one).every(([key, part]) => value[key] === part)),
  );
  return { values, sent, faults, invented, counts };
}

test.each(INSTRUMENT_NAMES)('%s is read by its profile to the digit', (name) => {
  const { values, sent, faults, invented } = converse(name, QUIET_LINE, 60_000);
  expect(faults).toEqual([]);
  expect(values.length).toBeGreaterThanOrEqual(10);
  expect(values.length).toBeGreaterThanOrEqual(sent.length - 2);
  expect(invented).toEqual([]);
});

test.each(INSTRUMENT_NAMES.filter((name) => name !== 'ds18b20'))(
  '%s on a bad line: bad frames are counted, good ones arrive, nothing is made up',
  (name) => {
    const { values, faults, invented, counts } = converse(name, noiseOf(0.05), 600_000);
    expect(counts.spoilt).toBeGreaterThan(0);
    expect(faults.length).toBeGreaterThan(0);
    expect(values.length).toBeGreaterThan(40);
    expect(invented).toEqual([]);
  },
);

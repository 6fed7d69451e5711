import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CaptureEvent, readCapture } from './capture.ts';
import { captureFiles, expectedLines, readingLine } from './check.ts';
import { loadProfile, PROFILES_DIRECTORY, profileNames } from './load.ts';
import { createProtocol } from './protocol.ts';
import { replay } from './replay.ts';

/** Protocols whose frames carry a check that finds every single flipped bit. */
const CHECKED = profileNames().filter((name) => {
  const { protocol, ...rest } = loadProfile(name);
  return protocol !== 'ascii' && !('crc' in rest && rest.crc === 'none');
});

function load(name: string): { capture: CaptureEvent[]; expected: Set<string> } {
  const path = join(PROFILES_DIRECTORY, `${name}.yaml`);
  return { capture: readCapture(captureFiles(path).capture), expected: new Set(expectedLines(path)) };
}

/** The capture with the received bytes of one event changed. */
function changed(
  capture: readonly CaptureEvent[],
  index: number,
  change: (bytes: Buffer) => Buffer,
): CaptureEvent[] {
  return capture.map((event, i) =>
    i === index ? { ...event, bytes: change(Buffer.from(event.bytes)) } : event,
  );
}

const received = (capture: readonly CaptureEvent[]) =>
  capture.flatMap(({ direction }, i) => (direction === '<' ? [i] : []));

describe.each(profileNames())('%s', (name) => {
  test('random bytes neither throw nor make a reading of a checked protocol', () => {
    const { capture } = load(name);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 20 }), (chunks) => {
        const noise: CaptureEvent[] = chunks.map((chunk, i) => ({
          atMs: i * 40,
          direction: '<',
          bytes: Buffer.from(chunk),
        }));
        const { readings } = replay(createProtocol(loadProfile(name)), noise, { afterMs: 20_000 });
        if (CHECKED.includes(name)) expect(readings).toEqual([]);
      }),
      { numRuns: 25 },
    );
    // Noise in front of what was sent, too.
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ maxLength: 40 }), (pick, noise) => {
        const inputs = received(capture);
        const index = inputs[pick % inputs.length]!;
        replay(
          createProtocol(loadProfile(name)),
          changed(capture, index, (bytes) => Buffer.concat([noise, bytes])),
        );
      }),
      { numRuns: 25 },
    );
  });

  test('telegrams cut short, and with bytes missing, never throw', () => {
    const { capture } = load(name);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(400), (pick, at, length) => {
        const inputs = received(capture);
        const index = inputs[pick % inputs.length]!;
        const cut = changed(capture, index, (bytes) => {
          const from = at % bytes.length;
          return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
        });
        replay(createProtocol(loadProfile(name)), cut, { afterMs: 20_000 });
      }),
      { numRuns: 40 },
    );
  });
});

test.each(CHECKED)('%s: with any one bit flipped nothing is emitted that was not sent', (name) => {
  const { capture, expected } = load(name);
  const readingsOf = (events: readonly CaptureEvent[]) =>
    replay(createProtocol(loadProfile(name)), events).readings.map(readingLine);
  const whole = readingsOf(capture);
  // A capture's own damaged frames are left alone: two errors may cancel out in a sum of eight bits.
  const inputs = received(capture).filter(
    (index) => readingsOf(capture.filter((_, i) => i !== index)).length !== whole.length,
  );
  expect(inputs.length).toBeGreaterThan(0);
  const bits = inputs.flatMap((index) =>
    Array.from({ length: capture[index]!.bytes.length * 8 }, (_, bit) => [index, bit] as const),
  );
  // All of them where they are few, else a spread.
  const step = Math.max(1, Math.floor(bits.length / 300));
  for (let i = 0; i < bits.length; i += step) {
    const [index, bit] = bits[i]!;
    const flipped = changed(capture, index, (bytes) => {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      return bytes;
    });
    for (const reading of readingsOf(flipped)) expect(expected).toContain(reading);
  }
});

import { existsSync, readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { readCapture } from './capture.ts';
import type { DeviceReading } from './decoder.ts';
import { createProtocol } from './protocol.ts';
import { type Replayed, replay } from './replay.ts';
import type { Profile } from './schema.ts';

/** Time behind the last bytes of a capture, in which an answer that is still awaited would time out; too short for another poll. */
const AFTER_MS = 1_000;

/** What belongs to a profile's file: a capture, and what must come of it. */
export function captureFiles(profilePath: string): { capture: string; expected: string } {
  const stem = profilePath.replace(/\.ya?ml$/, '');
  return { capture: `${stem}.capture`, expected: `${stem}.expected` };
}

/** `{"device":…,"units":…,"value":…}`, the value as its exact text. */
export function readingLine({ device, value, headers }: DeviceReading): string {
  const units = headers.find(([key]) => key === 'edgelog.units')?.[1].toString() ?? '{}';
  return `{"device":${JSON.stringify(device)},"units":${units},"value":${value}}`;
}

/** What came of a capture: the readings, then the kinds of the faults. */
export function outcomeLines({ readings, faults }: Replayed): string[] {
  return [...readings.map(readingLine), ...faults.map(({ kind }) => JSON.stringify({ fault: kind }))];
}

/** Plays the capture beside a profile; undefined where there is none. */
export function replayCapture(profile: Profile, profilePath: string, cut?: number): Replayed | undefined {
  const { capture } = captureFiles(profilePath);
  if (!existsSync(capture)) return undefined;
  return replay(createProtocol(profile), readCapture(capture), {
    afterMs: AFTER_MS,
    ...(cut === undefined ? {} : { cut }),
  });
}

/** The lines of the expected output beside a profile. Throws CONFIG_INVALID where a capture has none. */
export function expectedLines(profilePath: string): string[] {
  const { expected } = captureFiles(profilePath);
  if (!existsSync(expected))
    throw new EdgelogError('CONFIG_INVALID', `${expected} is missing beside the capture`);
  return readFileSync(expected, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
}

import type { CaptureEvent } from './capture.ts';
import type { DeviceReading, FaultKind, LineProtocol, LineSettings } from './decoder.ts';
import { VirtualTimers } from './virtual-timers.ts';

export interface Replayed {
  readings: readonly DeviceReading[];
  faults: readonly { kind: FaultKind; detail: string }[];
  /** Where the protocol wrote something else than the capture has. */
  problems: readonly string[];
  /** How the port was set on the way. */
  lines: readonly LineSettings[];
}

export interface ReplayOptions {
  /** Bytes per call; whole events if left out. */
  cut?: number;
  /** Virtual time that goes on behind the last event. */
  afterMs?: number;
}

/** Plays a capture against a protocol in virtual time: `<` is what it receives, `>` what it must have written by then. */
export function replay(
  protocol: LineProtocol,
  capture: readonly CaptureEvent[],
  options: ReplayOptions = {},
): Replayed {
  const timers = new VirtualTimers();
  const readings: DeviceReading[] = [];
  const faults: { kind: FaultKind; detail: string }[] = [];
  const problems: string[] = [];
  const lines: LineSettings[] = [];
  let written = Buffer.alloc(0);
  protocol.start({
    write: (bytes) => {
      written = Buffer.concat([written, bytes]);
    },
    emit: (reading) => readings.push(reading),
    leftOut: () => {},
    fault: (kind, detail) => faults.push({ kind, detail }),
    setLine: (settings) => lines.push(settings),
    timers,
  });
  for (const { atMs, direction, bytes } of capture) {
    timers.advanceTo(atMs);
    if (direction === '<') {
      const step = options.cut ?? bytes.length;
      for (let at = 0; at < bytes.length; at += step) protocol.bytes(bytes.subarray(at, at + step), atMs);
      continue;
    }
    const wrote = written.subarray(0, bytes.length);
    if (!wrote.equals(bytes))
      problems.push(`at ${atMs} ms: expected ${hex(bytes)}, wrote ${hex(wrote) || 'nothing'}`);
    written = Buffer.from(written.subarray(bytes.length));
  }
  timers.advanceTo(timers.now() + (options.afterMs ?? 0));
  protocol.stop();
  return { readings, faults, problems, lines };
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex').replaceAll(/..(?=.)/g, '$& ');
}

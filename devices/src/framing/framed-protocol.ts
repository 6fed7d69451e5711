import type { FaultKind, LineIo, LineProtocol, LineSettings } from '../profiles/decoder.ts';
import type { Framer } from './framer.ts';
import { createFramer, type Framing } from './framing.ts';

export interface FramedProtocolOptions {
  line: LineSettings;
  framing: Framing;
  maxFrameBytes: number;
  /** A frame over the limit was dropped. */
  overlong(bytes: number): void;
}

/** The protocol of instruments without a profile: listens, and emits each frame as it came, under the port's name. */
export function framedProtocol(options: FramedProtocolOptions): LineProtocol {
  const { line, framing, maxFrameBytes, overlong } = options;
  let io: LineIo | undefined;
  let cancelIdle: (() => void) | undefined;
  const framer: Framer = createFramer(framing, maxFrameBytes, {
    frame: (value) => io?.emit({ device: '', value, headers: [] }),
    overlong,
    bad(reason, bytes) {
      const kind: FaultKind = reason;
      io?.fault(
        kind,
        `${bytes.length} bytes dropped, beginning with ${bytes.subarray(0, 16).toString('hex')}`,
      );
    },
  });
  return {
    line,
    start(given) {
      io = given;
      framer.reset();
    },
    bytes(chunk, nowMs) {
      framer.push(chunk, nowMs);
      cancelIdle?.();
      if (framer.idleMs === undefined) return;
      cancelIdle = io?.timers.after(framer.idleMs, () => {
        if (io !== undefined) framer.idle?.(io.timers.now());
      });
    },
    stop() {
      cancelIdle?.();
      io = undefined;
    },
  };
}

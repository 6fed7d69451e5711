import { createFramer, type Framing, framingSchema } from '../framing.ts';

export interface Framed {
  frames: string[];
  overlong: number[];
  /** Bytes that were dropped as noise, by reason. */
  bad: { checksum: number; framing: number };
  pendingBytes: number;
}

export interface Burst {
  bytes: Buffer;
  /** When it came, ms; default 0. */
  atMs?: number;
}

/** The frames (as latin1) that a framing, given as a user would, finds in bursts. */
export function frameBursts(framing: unknown, bursts: readonly Burst[], maxFrameBytes = 1000): Framed {
  const result: Framed = { frames: [], overlong: [], bad: { checksum: 0, framing: 0 }, pendingBytes: 0 };
  const framer = createFramer(parsed(framing), maxFrameBytes, {
    frame: (bytes) => result.frames.push(bytes.toString('latin1')),
    overlong: (bytes) => result.overlong.push(bytes),
    bad: (reason, bytes) => {
      result.bad[reason] += bytes.length;
    },
  });
  for (const { bytes, atMs = 0 } of bursts) {
    framer.push(bytes, atMs);
    result.pendingBytes = Math.max(result.pendingBytes, framer.pendingBytes);
  }
  framer.idle?.((bursts.at(-1)?.atMs ?? 0) + (framer.idleMs ?? 0));
  return result;
}

function parsed(framing: unknown): Framing {
  return framingSchema.parse(framing);
}

/** `bytes` cut at `cuts`. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Burst[] {
  const bounds = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return bounds.slice(1).map((to, i) => ({ bytes: bytes.subarray(bounds[i], to) }));
}

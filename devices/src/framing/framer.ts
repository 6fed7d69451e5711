/** What a framer finds in the bytes of a line. The buffers are the callee's to keep. */
export interface FramerEvents {
  /** The content of a whole frame, without what marks it; never empty. */
  frame(bytes: Buffer): void;
  /** A frame over the limit was dropped; `bytes` of it as far as they were counted. */
  overlong(bytes: number): void;
  /** Bytes that are no frame were dropped: `checksum` a frame whose check failed, `framing` noise or half a frame. */
  bad(reason: 'checksum' | 'framing', bytes: Buffer): void;
}

/**
 * Cuts the bytes of a serial line into frames. Pure: time comes with the calls, in milliseconds of a clock that never runs
 * backwards. However the bytes are cut into chunks the frames are the same; what is held is bounded by the longest frame
 * whatever comes; and after noise the first whole frame is found again. Nothing throws.
 */
export interface Framer {
  push(chunk: Buffer, nowMs: number): void;
  /** Where silence means something: after how many ms without a byte `idle` is to be called. */
  readonly idleMs?: number;
  /** The line has been silent for `idleMs` since the last `push`. */
  idle?(nowMs: number): void;
  /** Forgets a frame that has not ended. */
  reset(): void;
  /** Bytes that belong to no frame yet. */
  readonly pendingBytes: number;
}

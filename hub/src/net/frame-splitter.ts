import { EdgelogError } from '@edgelog/base';
import type { FramePool } from './frame-pool.ts';

/** apiKey, apiVersion, correlationId: no request is shorter. */
export const FRAME_BYTES_MIN = 8;
const LENGTH_BYTES = 4;
/** A frame is given this much memory before its sender has sent anything of it. */
const FIRST_ALLOCATION_BYTES = 1024 * 1024;

/**
 * Cuts a byte stream into Kafka frames (without their length). Pull-based, so that the caller can stop between two frames.
 * A frame that is whole within a chunk is a view of it; any other is copied once, into memory that grows with what arrived
 * rather than with what was promised.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #pool: FramePool;
  #chunks: Buffer[] = [];
  #at = 0;
  #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  #frame: Buffer | undefined;
  #frameBytes = 0;
  #frameFilled = 0;

  constructor(maxFrameBytes: number, pool: FramePool) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#pool = pool;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** True when a frame has begun and its end has not come. */
  get isMidFrame(): boolean {
    return this.#lengthFilled > 0 || this.#frame !== undefined;
  }

  /** Bytes held of a frame that is not whole yet, and of chunks not cut yet. */
  get heldBytes(): number {
    let held = this.#frameFilled - this.#at;
    for (const chunk of this.#chunks) held += chunk.length;
    return held;
  }

  /** The next whole frame, if it is here. Throws CORRUPT_FRAME or LIMIT_EXCEEDED: the stream is then lost. */
  next(): Buffer | undefined {
    if (this.#frame === undefined && !this.#readLength()) return undefined;
    const chunk = this.#chunks[0];
    if (this.#frame === undefined) {
      if (chunk !== undefined && chunk.length - this.#at >= this.#frameBytes) return this.#take(chunk);
      this.#frame = this.#pool.take(Math.min(this.#frameBytes, FIRST_ALLOCATION_BYTES));
      this.#frameFilled = 0;
    }
    return this.#fill();
  }

  #readLength(): boolean {
    while (this.#lengthFilled < LENGTH_BYTES) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return false;
      const count = Math.min(LENGTH_BYTES - this.#lengthFilled, chunk.length - this.#at);
      chunk.copy(this.#length, this.#lengthFilled, this.#at, this.#at + count);
      this.#lengthFilled += count;
      this.#advance(chunk, count);
    }
    this.#frameBytes = this.#length.readInt32BE(0);
    if (this.#frameBytes < FRAME_BYTES_MIN || this.#frameBytes > this.#maxFrameBytes) {
      throw this.#badLength();
    }
    return true;
  }

  #take(chunk: Buffer): Buffer {
    const frame = chunk.subarray(this.#at, this.#at + this.#frameBytes);
    this.#advance(chunk, this.#frameBytes);
    this.#lengthFilled = 0;
    return frame;
  }

  #fill(): Buffer | undefined {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      let frame = this.#frame!;
      if (this.#frameFilled === frame.length) {
        const larger = this.#pool.take(Math.min(this.#frameBytes, frame.length * 4));
        frame.copy(larger);
        this.#pool.giveBack(frame);
        this.#frame = frame = larger;
      }
      const count = Math.min(frame.length - this.#frameFilled, chunk.length - this.#at);
      chunk.copy(frame, this.#frameFilled, this.#at, this.#at + count);
      this.#frameFilled += count;
      this.#advance(chunk, count);
      if (this.#frameFilled < this.#frameBytes) continue;
      this.#frame = undefined;
      this.#frameFilled = 0;
      this.#lengthFilled = 0;
      return frame;
    }
  }

  #advance(chunk: Buffer, count: number): void {
    this.#at += count;
    if (this.#at < chunk.length) return;
    this.#chunks.shift();
    this.#at = 0;
  }

  #badLength(): EdgelogError {
    const stranger = describeStranger(this.#length);
    if (stranger !== undefined) {
      return new EdgelogError('CORRUPT_FRAME', `this looks like ${stranger}, not like a Kafka request`);
    }
    const length = this.#frameBytes;
    return length > this.#maxFrameBytes
      ? new EdgelogError(
          'LIMIT_EXCEEDED',
          `frame of ${length} bytes, at most ${this.#maxFrameBytes} are accepted`,
        )
      : new EdgelogError('CORRUPT_FRAME', `frame length ${length}, at least ${FRAME_BYTES_MIN} is possible`);
  }
}

/** What else speaks like this, judged by the first four bytes. */
function describeStranger(start: Buffer): string | undefined {
  if (start[0] === 0x16 && start[1] === 0x03) return 'a TLS handshake';
  const text = start.toString('latin1');
  if (/^(GET |POST|PUT |HEAD|DELE|OPTI|PATC|CONN)/.test(text)) return 'an HTTP request';
  if (text === 'SSH-') return 'an SSH client';
  if (start[0] === 0x10 && start[2] === 0 && start[3] === 4) return 'an MQTT client';
  return /^[\x20-\x7e\r\n]{4}$/.test(text) ? `text beginning ${JSON.stringify(text)}` : undefined;
}

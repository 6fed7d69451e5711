import { EdgelogError } from '@edgelog/base';
import type { FramePool } from './frame-pool.ts';

/** apiKey, apiVersion, correlationId: no request is shorter. */
export const FRAME_BYTES_MIN = 8;
const LENGTH_BYTES = 4;
/** apiKey and apiVersion. */
const API_BYTES = 4;
const NOTHING = Buffer.alloc(0);
/** A frame is given this much memory before its sender has sent anything of it. */
const FIRST_ALLOCATION_BYTES = 1024 * 1024;

/** Throws when no request can begin so. */
export type CheckApi = (apiKey: number, apiVersion: number) => void;

/**
 * Cuts a byte stream into Kafka frames (without their length). Pull-based, so that the caller can stop between two frames.
 * Every frame is copied once, out of the chunks it came in, into memory of its own that grows with what arrived rather than
 * with what was promised. A frame whose first bytes already say that it cannot be answered is not waited for.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #pool: FramePool;
  readonly #checkApi: CheckApi;
  #chunk: Buffer = NOTHING;
  #at = 0;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthFilled = 0;
  #frame: Buffer | undefined;
  #frameBytes = 0;
  #frameFilled = 0;
  #isChecked = false;

  constructor(maxFrameBytes: number, pool: FramePool, checkApi: CheckApi) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#pool = pool;
    this.#checkApi = checkApi;
  }

  /** The chunk stays the caller's: after cutting, call `keepRest` before it is overwritten. */
  push(chunk: Buffer): void {
    this.#chunk =
      this.#at === this.#chunk.length ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** Copies what was pushed and not cut yet. */
  keepRest(): void {
    const isDone = this.#at === this.#chunk.length;
    this.#chunk = isDone ? NOTHING : Buffer.from(this.#chunk.subarray(this.#at));
    this.#at = 0;
  }

  /** True when a frame has begun and its end has not come. */
  get isMidFrame(): boolean {
    return this.#lengthFilled > 0;
  }

  /** Bytes held of a frame that is not whole yet, and of chunks not cut yet. */
  get heldBytes(): number {
    return this.#frameFilled + this.#chunk.length - this.#at;
  }

  /** The next whole frame, if it is here. Throws CORRUPT_FRAME, LIMIT_EXCEEDED or what the check throws: the stream is then lost. */
  next(): Buffer | undefined {
    if (this.#frame === undefined) {
      if (!this.#readLength()) return undefined;
      this.#frame = this.#pool.take(Math.min(this.#frameBytes, FIRST_ALLOCATION_BYTES));
    }
    return this.#fill(this.#frame);
  }

  #readLength(): boolean {
    const count = Math.min(LENGTH_BYTES - this.#lengthFilled, this.#chunk.length - this.#at);
    this.#chunk.copy(this.#length, this.#lengthFilled, this.#at, this.#at + count);
    this.#lengthFilled += count;
    this.#at += count;
    if (this.#lengthFilled < LENGTH_BYTES) return false;
    this.#frameBytes = this.#length.readInt32BE(0);
    if (this.#frameBytes < FRAME_BYTES_MIN || this.#frameBytes > this.#maxFrameBytes) throw this.#badLength();
    return true;
  }

  #fill(begun: Buffer): Buffer | undefined {
    for (let frame = begun; ; ) {
      const count = Math.min(frame.length - this.#frameFilled, this.#chunk.length - this.#at);
      this.#chunk.copy(frame, this.#frameFilled, this.#at, this.#at + count);
      this.#frameFilled += count;
      this.#at += count;
      if (this.#frameFilled < frame.length) {
        this.#checkBegun(frame);
        return undefined;
      }
      if (this.#frameFilled === this.#frameBytes) {
        this.#frame = undefined;
        this.#frameFilled = 0;
        this.#lengthFilled = 0;
        this.#isChecked = false;
        return frame;
      }
      const larger = this.#pool.take(Math.min(this.#frameBytes, frame.length * 4));
      frame.copy(larger);
      this.#pool.giveBack(frame);
      this.#frame = frame = larger;
    }
  }

  #checkBegun(frame: Buffer): void {
    if (this.#isChecked || this.#frameFilled < API_BYTES) return;
    this.#isChecked = true;
    this.#checkApi(frame.readInt16BE(0), frame.readInt16BE(2));
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

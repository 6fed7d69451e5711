import { EdgelogError } from '@edgelog/base';
import { BATCH_FRAME_OVERHEAD_BYTES } from '../limits.ts';
import { type BatchFrame, FRAME_TYPE } from './types.ts';

/**
 * The one frame that carries data, coded by hand because it is the hot path: CBOR array of 3 (0x83), type (0x03),
 * handle (unsigned), byte string that ends with the message. Definite lengths, any width of integer.
 */
const ARRAY_OF_3 = 0x83;
const UNSIGNED = 0;
const BYTE_STRING = 2;

export const isBatchFrame = (message: Buffer) =>
  message.length > 1 && message[0] === ARRAY_OF_3 && message[1] === FRAME_TYPE.batch;

/** What `encodeBatchFrame` takes. */
export function batchFrameBytes({ handle, bytes }: BatchFrame): number {
  return 2 + headBytes(handle) + headBytes(bytes.length) + bytes.length;
}

/** Into `message`, which has exactly `batchFrameBytes`. */
export function encodeBatchFrame(
  frame: BatchFrame,
  message: Buffer = Buffer.allocUnsafe(batchFrameBytes(frame)),
): Buffer {
  const { handle, bytes } = frame;
  message[0] = ARRAY_OF_3;
  message[1] = FRAME_TYPE.batch;
  const at = writeHead(message, writeHead(message, 2, UNSIGNED, handle), BYTE_STRING, bytes.length);
  message.set(bytes, at);
  return message;
}

export function decodeBatchFrame(message: Buffer): BatchFrame {
  const handle = readHead(message, 2, UNSIGNED, 'handle');
  if (handle.value > 0x7fff_ffff) throw corrupt(`handle ${handle.value} is above 2^31−1`);
  const bytes = readHead(message, handle.end, BYTE_STRING, 'bytes');
  if (bytes.value !== message.length - bytes.end) {
    throw corrupt(`byte string of ${bytes.value} at ${bytes.end} in a message of ${message.length}`);
  }
  return { type: 'batch', handle: handle.value, bytes: message.subarray(bytes.end) };
}

/** Largest batch that a frame of `maxFrameBytes` can carry. */
export const maxBatchBytes = (maxFrameBytes: number) => maxFrameBytes - BATCH_FRAME_OVERHEAD_BYTES;

const headBytes = (value: number) => (value < 24 ? 1 : value < 0x100 ? 2 : value < 0x1_0000 ? 3 : 5);

function writeHead(message: Buffer, at: number, major: number, value: number): number {
  const first = major << 5;
  if (value < 24) {
    message[at] = first | value;
    return at + 1;
  }
  if (value < 0x100) {
    message[at] = first | 24;
    message[at + 1] = value;
    return at + 2;
  }
  if (value < 0x1_0000) {
    message[at] = first | 25;
    return message.writeUInt16BE(value, at + 1);
  }
  message[at] = first | 26;
  return message.writeUInt32BE(value, at + 1);
}

function readHead(message: Buffer, at: number, major: number, what: string): { value: number; end: number } {
  const first = message[at];
  if (first === undefined || first >> 5 !== major) throw corrupt(`no ${what} at byte ${at}`);
  const width = first & 0x1f;
  if (width < 24) return { value: width, end: at + 1 };
  if (width > 26) throw corrupt(`${what} at byte ${at}: length of an unsupported form`);
  const size = 1 << (width - 24);
  if (at + 1 + size > message.length) throw corrupt(`truncated ${what} at byte ${at}`);
  return { value: message.readUIntBE(at + 1, size), end: at + 1 + size };
}

const corrupt = (message: string) => new EdgelogError('CORRUPT_FRAME', `batch frame: ${message}`);

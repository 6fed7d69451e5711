import { assert, EdgelogError } from '@edgelog/base';
import type { RequestInput, RequestOf, ResponseOf, ResponseOutput } from '../apis/index.ts';
import { apiByKey } from '../apis/index.ts';
import type { Api, DecodedMessage, EncodableMessage, Message } from '../schema/message.ts';
import { bodyStart } from './client-errors.ts';
import { decodeWith, encodeWith } from './codecs.ts';
import { Cursor } from './cursor.ts';
import { Fault } from './fault.ts';
import { FrameWriter } from './frame-writer.ts';

const API_VERSIONS_KEY = 18;
/** Record buffers smaller than this are copied into the response: an entry of writev costs more. */
const VIEW_FROM_BYTES = 1024;

export interface RequestHeader {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string | null;
  /** Where the body begins in the frame. */
  bodyAt: number;
}

const writer = new FrameWriter();

/** A whole request frame with its 4-byte length. Record batches are copied. */
export function encodeRequest<A extends Api>(
  api: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  body: RequestInput<A>,
): Buffer {
  const [frame] = writeRequest(Number.POSITIVE_INFINITY, api, version, header, body);
  assert(frame, 'a request is one buffer');
  return frame;
}

/** The same as a list for writev: larger record buffers are not copied. */
export function encodeRequestParts<A extends Api>(
  api: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  body: RequestInput<A>,
): Buffer[] {
  return writeRequest(VIEW_FROM_BYTES, api, version, header, body);
}

function writeRequest<A extends Api>(
  viewFrom: number,
  api: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  body: RequestInput<A>,
): Buffer[] {
  checkVersion(api, version);
  const id = header.clientId === null ? Buffer.alloc(0) : Buffer.from(header.clientId);
  writer.begin(viewFrom);
  const b = writer.bytes;
  b.writeInt16BE(api.key, 4);
  b.writeInt16BE(version, 6);
  b.writeInt32BE(header.correlationId, 8);
  b.writeInt16BE(header.clientId === null ? -1 : id.length, 12);
  b.set(id, 14);
  writer.at = 14 + id.length;
  if (version >= api.flexible) b[writer.at++] = 0;
  encodeWith(api.request, version, writer, body);
  return finishFrame();
}

/**
 * Reads a request header of version 1, or 2 where the API's version is flexible. `frame` is without its length. An API
 * without a codec is taken to have the old header. Throws EdgelogError CORRUPT_FRAME.
 */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  if (frame.length < 10) throw corrupt(`request header: 10 bytes needed, ${frame.length} in the frame`);
  const apiKey = frame.readInt16BE(0);
  const apiVersion = frame.readInt16BE(2);
  const correlationId = frame.readInt32BE(4);
  const length = frame.readInt16BE(8);
  const end = 10 + Math.max(0, length);
  if (length < -1 || end > frame.length) {
    throw corrupt(`request header: clientId at byte 8 has length ${length}, ${frame.length - 10} bytes left`);
  }
  const clientId = length < 0 ? null : frame.toString('utf8', 10, end);
  const api = apiByKey(apiKey);
  const flexible = api !== undefined && apiVersion >= api.flexible;
  return { apiKey, apiVersion, correlationId, clientId, bodyAt: flexible ? skipTags(frame, end) : end };
}

/**
 * Reads a request body that begins at `bodyAt` and ends with the frame. `records` and `bytes` are views into the frame.
 * Throws EdgelogError CORRUPT_FRAME, naming API, version, field and byte, or UNSUPPORTED_VERSION.
 */
export function decodeRequest<A extends Api>(
  api: A,
  version: number,
  frame: Buffer,
  bodyAt: number,
): RequestOf<A> {
  checkVersion(api, version);
  return decodeWith(api.request, version, frame, bodyStart(api, version, frame, bodyAt)) as RequestOf<A>;
}

/** A response frame as a list for writev; its first four bytes are the length. Larger record buffers are not copied. */
export function encodeResponse<A extends Api>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): Buffer[] {
  checkVersion(api, version);
  writer.begin(VIEW_FROM_BYTES);
  writer.bytes.writeInt32BE(correlationId, 4);
  writer.at = 8;
  if (hasFlexibleResponseHeader(api, version)) writer.bytes[writer.at++] = 0;
  encodeWith(api.response, version, writer, body);
  return finishFrame();
}

/** Reads a response; `frame` is without its length. Throws as `decodeRequest` does. */
export function decodeResponse<A extends Api>(
  api: A,
  version: number,
  frame: Buffer,
): { correlationId: number; body: ResponseOutput<A> } {
  checkVersion(api, version);
  if (frame.length < 4) throw corrupt(`response header: 4 bytes needed, ${frame.length} in the frame`);
  const bodyAt = hasFlexibleResponseHeader(api, version) ? skipTags(frame, 4) : 4;
  return {
    correlationId: frame.readInt32BE(0),
    body: decodeWith(api.response, version, frame, bodyAt) as ResponseOutput<A>,
  };
}

/** The bytes of a message outside any frame: a record's key or value, member metadata. */
export function encodeMessage<M extends Message>(
  message: M,
  version: number,
  body: EncodableMessage<M>,
): Buffer {
  writer.begin(Number.POSITIVE_INFINITY);
  encodeWith(message, version, writer, body);
  return writer.finish()[0] ?? Buffer.alloc(0);
}

/** Reads a message from `at` to the end of the buffer. Throws EdgelogError CORRUPT_FRAME. */
export function decodeMessage<M extends Message>(
  message: M,
  version: number,
  bytes: Buffer,
  at = 0,
): DecodedMessage<M> {
  return decodeWith(message, version, bytes, at) as DecodedMessage<M>;
}

function finishFrame(): Buffer[] {
  writer.bytes.writeInt32BE(writer.sizeBytes - 4, 0);
  return writer.finish();
}

/** [KIP-511]: whoever asks for the versions cannot know yet which header the broker would use. */
function hasFlexibleResponseHeader(api: Api, version: number): boolean {
  return version >= api.flexible && api.key !== API_VERSIONS_KEY;
}

function checkVersion(api: Api, version: number): void {
  const [min, max] = api.versions;
  if (version >= min && version <= max) return;
  throw new EdgelogError(
    'UNSUPPORTED_VERSION',
    `${api.name} version ${version}: served are ${min} to ${max}`,
  );
}

function skipTags(frame: Buffer, at: number): number {
  if (frame[at] === 0) return at + 1;
  const cursor = new Cursor(frame, at);
  try {
    cursor.skipTags();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw corrupt(`header's tagged fields at byte ${error.at}: ${error.reason}`);
  }
  return cursor.at;
}

function corrupt(message: string): EdgelogError {
  return new EdgelogError('CORRUPT_FRAME', message);
}

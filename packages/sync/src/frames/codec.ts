import { EdgelogError } from '@edgelog/base';
import { Decoder, Encoder } from 'cbor-x';
import { MAX_CONTROL_FRAME_BYTES } from '../limits.ts';
import { decodeBatchFrame, encodeBatchFrame, isBatchFrame } from './batch-frame.ts';
import { frameSchemas } from './schemas.ts';
import { FRAME_TYPE, type Frame, type FrameName } from './types.ts';

// tagUint8Array and records are extensions other languages' decoders would stumble over.
const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
// Known to cbor-x, unknown to its types: 64-bit integers as numbers (above 2^53 the schemas refuse them), not bigint.
const int64AsNumber = { int64AsNumber: true };
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true, ...int64AsNumber });

type ControlName = Exclude<FrameName, 'batch'>;
const controlNames = Object.keys(frameSchemas) as ControlName[];
const nameOfType = new Map<unknown, ControlName>(controlNames.map((name) => [FRAME_TYPE[name], name]));
const fieldsOf = new Map(
  controlNames.map((name) => [name, Object.keys(frameSchemas[name].shape).filter((key) => key !== 'type')]),
);

/** cbor-x writes a number above 2^32 as a double; as a bigint it becomes the integer that it is. */
const compact = (value: unknown) =>
  typeof value === 'number' && value > 0xffff_ffff ? BigInt(value) : value;

/** One frame as one WebSocket message. The batch bytes of a `batch` frame are copied once, into the message. */
export function encodeFrame(frame: Frame): Buffer {
  if (frame.type === 'batch') return encodeBatchFrame(frame);
  const values = frame as unknown as Record<string, unknown>;
  const fields = fieldsOf.get(frame.type)!;
  return encoder.encode([FRAME_TYPE[frame.type], ...fields.map((field) => compact(values[field]))]);
}

/**
 * Throws EdgelogError CORRUPT_FRAME, saying which frame and field is wrong. Every field is checked, so that what comes
 * out is what the type says; `bytes` of a batch is a view of `message` and not looked into.
 */
export function decodeFrame(message: Buffer): Frame {
  if (isBatchFrame(message)) return decodeBatchFrame(message);
  if (message.length > MAX_CONTROL_FRAME_BYTES) {
    throw corrupt(
      `a frame of ${message.length} bytes that is no batch; at most ${MAX_CONTROL_FRAME_BYTES} are allowed`,
    );
  }
  const values = decodeArray(message);
  const name = nameOfType.get(values[0]);
  if (name === undefined) throw corrupt(`unknown frame type ${describe(values[0])}`);
  const fields = fieldsOf.get(name)!;
  if (values.length !== fields.length + 1) {
    throw corrupt(`${name} frame with ${values.length - 1} fields instead of ${fields.length}`);
  }
  const frame: Record<string, unknown> = { type: name };
  fields.forEach((field, index) => {
    frame[field] = values[index + 1];
  });
  const parsed = frameSchemas[name].safeParse(frame);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = String(issue.path[0] ?? '');
  throw corrupt(`${name} frame: ${field} ${describe(frame[field])}: ${issue.message}`);
}

function decodeArray(message: Buffer): unknown[] {
  let value: unknown;
  try {
    value = decoder.decode(message);
  } catch (cause) {
    throw corrupt(`not CBOR: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  if (!Array.isArray(value)) throw corrupt('a frame is a CBOR array, this is not');
  return value;
}

const describe = (value: unknown) =>
  typeof value === 'string'
    ? JSON.stringify(value.slice(0, 60))
    : typeof value === 'number'
      ? value
      : typeof value;

const corrupt = (message: string, cause?: unknown) =>
  new EdgelogError('CORRUPT_FRAME', message, cause === undefined ? undefined : { cause });

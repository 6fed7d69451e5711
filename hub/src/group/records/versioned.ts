import { EdgelogError } from '@edgelog/base';
import { decodeMessage, type EncodableMessage, encodeMessage, type Message } from '@edgelog/wire';

/** The message after an int16: the version of a value, the type of a key. */
export function prefixed<M extends Message>(
  message: M,
  prefix: number,
  version: number,
  body: EncodableMessage<M>,
): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(prefix);
  return Buffer.concat([bytes, encodeMessage(message, version, body)]);
}

export const versioned = <M extends Message>(
  message: M,
  version: number,
  body: EncodableMessage<M>,
): Buffer => prefixed(message, version, version, body);

/** Throws EdgelogError CORRUPT_FRAME, also for a version that is not known. */
export function unversioned<M extends Message>(message: M, bytes: Buffer) {
  const version = prefixOf(bytes, message.name);
  const [min, max] = message.versions;
  if (version < min || version > max) {
    throw new EdgelogError(
      'CORRUPT_FRAME',
      `${message.name} has version ${version}, known are ${min} to ${max}`,
    );
  }
  return decodeMessage(message, version, bytes, 2);
}

export function prefixOf(bytes: Buffer, what: string): number {
  if (bytes.length < 2)
    throw new EdgelogError('CORRUPT_FRAME', `${what} of ${bytes.length} bytes has no version`);
  return bytes.readInt16BE(0);
}

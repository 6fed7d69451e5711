import { type ChecksumName, checksumOf, checksumWidth } from './checksums.ts';

/** How a checksum is sent. */
export interface CheckSpec {
  type: ChecksumName;
  /** `hex`: two digits for a byte, of either case, highest first. */
  encoding: 'raw' | 'hex';
  /** Order of raw bytes: `be` highest first. */
  endian: 'be' | 'le';
}

/** Bytes that the checksum takes on the line. */
export function sentWidth({ type, encoding }: CheckSpec): number {
  return checksumWidth(type) * (encoding === 'hex' ? 2 : 1);
}

/** True where `sent` is the checksum of `covered`. */
export function isIntact(spec: CheckSpec, covered: Buffer, sent: Buffer): boolean {
  const expected = checksumOf(spec.type, covered);
  if (spec.encoding === 'hex') {
    const text = sent.toString('latin1');
    return /^[0-9a-fA-F]+$/.test(text) && Number.parseInt(text, 16) === expected;
  }
  return (
    expected === (spec.endian === 'be' ? sent.readUIntBE(0, sent.length) : sent.readUIntLE(0, sent.length))
  );
}

/** The checksum as it is sent. */
export function encodeCheck(spec: CheckSpec, covered: Buffer): Buffer {
  const value = checksumOf(spec.type, covered);
  const width = checksumWidth(spec.type);
  if (spec.encoding === 'hex')
    return Buffer.from(
      value
        .toString(16)
        .toUpperCase()
        .padStart(width * 2, '0'),
    );
  const sent = Buffer.alloc(width);
  if (spec.endian === 'be') sent.writeUIntBE(value, 0, width);
  else sent.writeUIntLE(value, 0, width);
  return sent;
}

import { EdgelogError } from '@edgelog/base';

/** One field of a message: its number, and its value by wire type. */
export type Field =
  | { number: number; type: 'varint'; value: bigint }
  | { number: number; type: 'fixed64' | 'bytes' | 'fixed32'; value: Buffer };

const VARINT_BYTES_MAX = 10;

/** Fields of a Protocol Buffers message in the order they stand there [protobuf: encoding]. Throws CORRUPT_FRAME. */
export function* readFields(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = bytes[at++];
      if (byte === undefined) throw corrupt('it ends within a number');
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw corrupt('a number of more than ten bytes');
  };
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw corrupt('a field goes beyond the end');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number === 0) throw corrupt('field number 0');
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, type: 'varint', value: varint() };
        break;
      case 1:
        yield { number, type: 'fixed64', value: take(8) };
        break;
      case 2:
        yield { number, type: 'bytes', value: take(Number(varint())) };
        break;
      case 5:
        yield { number, type: 'fixed32', value: take(4) };
        break;
      default:
        throw corrupt(`wire type ${tag & 7n}`);
    }
  }
}

export function corrupt(why: string): EdgelogError {
  return new EdgelogError('CORRUPT_FRAME', `not a Sparkplug B payload: ${why}`);
}

import { bytesOf, varintOf } from './payload.ts';
import { corrupt, type Field } from './protobuf.ts';

/** Names of the data types by number [Sparkplug 3.0, 6.4.16]. */
export const DATA_TYPES: readonly string[] = [
  'Unknown',
  'Int8',
  'Int16',
  'Int32',
  'Int64',
  'UInt8',
  'UInt16',
  'UInt32',
  'UInt64',
  'Float',
  'Double',
  'Boolean',
  'String',
  'DateTime',
  'Text',
  'UUID',
  'DataSet',
  'Bytes',
  'File',
  'Template',
  'PropertySet',
  'PropertySetList',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Int64Array',
  'UInt8Array',
  'UInt16Array',
  'UInt32Array',
  'UInt64Array',
  'FloatArray',
  'DoubleArray',
  'BooleanArray',
  'StringArray',
  'DateTimeArray',
];

const INT = 10;
const LONG = 11;
/** From here on an integer may as well be a negative one. */
const AMBIGUOUS: Readonly<Record<number, bigint>> = { [INT]: 1n << 31n, [LONG]: 1n << 63n };
const SIGNED_BITS: Readonly<Record<string, number>> = { Int8: 8, Int16: 16, Int32: 32, Int64: 64 };

/** An integer that is another one depending on its type, which is not known. */
export function isAmbiguous(field: Field, datatype: string | undefined): boolean {
  const bound = AMBIGUOUS[field.number];
  return datatype === undefined && bound !== undefined && varintOf(field) >= bound;
}

/**
 * A metric's value as JSON has it: integers beyond 2^53 and floats that are no numbers as strings, bytes and what has a
 * structure (data sets, templates) as `{base64}`. Throws CORRUPT_FRAME.
 */
export function jsonValue(field: Field, datatype: string | undefined): unknown {
  switch (field.number) {
    case INT:
    case LONG: {
      const bits = datatype === undefined ? undefined : SIGNED_BITS[datatype];
      const value = varintOf(field);
      return jsonInteger(bits === undefined ? value : BigInt.asIntN(bits, value));
    }
    case 12:
      if (field.type !== 'fixed32') throw corrupt('a float that is none');
      return jsonFloat(field.value.readFloatLE(0));
    case 13:
      if (field.type !== 'fixed64') throw corrupt('a double that is none');
      return jsonFloat(field.value.readDoubleLE(0));
    case 14:
      return varintOf(field) !== 0n;
    case 15:
      return bytesOf(field).toString();
    default:
      return { base64: bytesOf(field).toString('base64') };
  }
}

function jsonInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function jsonFloat(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

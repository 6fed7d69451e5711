import type { ScalarKind } from '../schema/field.ts';
import type { FieldLayout, StructLayout, TypeLayout } from '../schema/layout.ts';
import { ELEMENTS_MAX, leastBytes, STRING_BYTES_MAX } from '../schema/layout.ts';
import type { Decoder } from './codecs.ts';
import { Cursor } from './cursor.ts';
import { Fault, within } from './fault.ts';
import { formatUuid } from './support.ts';

/**
 * The codec as closures. It is the oracle of the compiled form, which must agree with it on every input, and tells where
 * a frame is corrupt when the compiled form has only seen that it is.
 */
export function interpretDecoder(layout: StructLayout): Decoder {
  const read = structReader(layout);
  return (bytes, at) => {
    const cursor = new Cursor(bytes, at);
    const value = read(cursor);
    if (cursor.left > 0) throw new Fault('corrupt', `${cursor.left} bytes left after the message`, cursor.at);
    return value;
  };
}

type Read = (cursor: Cursor) => unknown;

function structReader(layout: StructLayout): Read {
  const fields = layout.fields.map((field) => ({ field, read: valueReader(field.type, field.nullable) }));
  const tagged = new Map(fields.filter((f) => f.field.place === 'tagged').map((f) => [f.field.tag, f]));
  return (cursor) => {
    const value: Record<string, unknown> = {};
    for (const { field, read } of fields) {
      value[field.name] =
        field.place === 'body' ? within(`.${field.name}`, () => read(cursor)) : fallback(field);
    }
    if (layout.flexible) {
      for (let count = cursor.uvarint(); count > 0; count--) {
        const known = tagged.get(cursor.uvarint());
        const size = cursor.uvarint();
        const end = cursor.take(size) + size;
        if (!known) continue;
        cursor.at = end - size;
        within(`.${known.field.name}`, () => {
          value[known.field.name] = known.read(cursor);
          if (cursor.at !== end) {
            throw new Fault('corrupt', `tagged field of ${size} bytes ends ${cursor.at - end} off`, end);
          }
        });
      }
    }
    return value;
  };
}

/** A fresh default value of the field. */
export function fallback(field: FieldLayout): unknown {
  if (field.fallback !== undefined) return field.fallback;
  if (field.type.kind === 'array') return [];
  const value: Record<string, unknown> = {};
  if (field.type.kind === 'struct') {
    for (const inner of field.type.struct.fields) value[inner.name] = fallback(inner);
  }
  return value;
}

function valueReader(type: TypeLayout, nullable: boolean): Read {
  switch (type.kind) {
    case 'struct': {
      const read = structReader(type.struct);
      if (!nullable) return read;
      return (c) => (c.bytes.readInt8(c.take(1)) < 0 ? null : read(c));
    }
    case 'array': {
      const read = valueReader(type.element, false);
      const least = leastBytes(type.element);
      return (c) => {
        const at = c.at;
        const count = length(c, type.compact ? 'compact' : 4, nullable);
        if (count === null) return null;
        if (count * least > c.left) {
          throw new Fault(
            'corrupt',
            `${count} elements need ${count * least} bytes or more, ${c.left} left`,
            at,
          );
        }
        c.elements += count;
        if (c.elements > ELEMENTS_MAX) throw new Fault('corrupt', `more than ${ELEMENTS_MAX} elements`, at);
        return Array.from({ length: count }, (_, i) => within(`[${i}]`, () => read(c)));
      };
    }
    case 'string':
      return (c) => {
        const at = c.at;
        const size = length(c, type.compact ? 'compact' : 2, nullable);
        if (size === null) return null;
        if (size > STRING_BYTES_MAX) throw new Fault('corrupt', `string of ${size} bytes`, at);
        return c.bytes.toString('utf8', c.take(size), c.at);
      };
    case 'bytes':
    case 'records':
      return (c) => {
        const size = length(c, type.compact ? 'compact' : 4, nullable);
        return size === null ? null : c.bytes.subarray(c.take(size), c.at);
      };
    default:
      return FIXED[type.kind];
  }
}

/** Length of a list of things or bytes: of 2 or 4 bytes with −1 for null, or compact with 0 for null. */
function length(cursor: Cursor, form: 2 | 4 | 'compact', nullable: boolean): number | null {
  const at = cursor.at;
  const size =
    form === 'compact'
      ? cursor.uvarint() - 1
      : form === 2
        ? cursor.bytes.readInt16BE(cursor.take(2))
        : cursor.bytes.readInt32BE(cursor.take(4));
  if (size === -1 && nullable) return null;
  if (size < 0) throw new Fault('corrupt', size === -1 ? 'null where none may be' : `length ${size}`, at);
  return size;
}

const FIXED: Record<Exclude<ScalarKind, 'string' | 'bytes' | 'records'>, Read> = {
  bool: (c) => c.byte() !== 0,
  int8: (c) => c.bytes.readInt8(c.take(1)),
  int16: (c) => c.bytes.readInt16BE(c.take(2)),
  int32: (c) => c.bytes.readInt32BE(c.take(4)),
  int64: (c) => {
    const at = c.take(8);
    const value = c.bytes.readBigInt64BE(at);
    if (value < -(2n ** 53n) || value >= 2n ** 53n) throw new Fault('corrupt', `${value} is beyond 2^53`, at);
    return Number(value);
  },
  bigint64: (c) => c.bytes.readBigInt64BE(c.take(8)),
  uint16: (c) => c.bytes.readUInt16BE(c.take(2)),
  uint32: (c) => c.bytes.readUInt32BE(c.take(4)),
  float64: (c) => c.bytes.readDoubleBE(c.take(8)),
  uuid: (c) => formatUuid(c.bytes, c.take(16)),
};

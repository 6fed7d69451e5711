import type { ScalarKind } from '../schema/field.ts';
import type { FieldLayout, Scalar, StructLayout, TypeLayout } from '../schema/layout.ts';
import { STRING_BYTES_MAX } from '../schema/layout.ts';
import type { Encoder } from './codecs.ts';
import { Fault, within } from './fault.ts';
import { type FrameWriter, recordsBytes } from './frame-writer.ts';

/** The encoder as closures: oracle of the compiled form, and the one that says which value cannot be encoded. */
export function interpretEncoder(layout: StructLayout): Encoder {
  return structWriter(layout);
}

type Write = (writer: FrameWriter, value: unknown) => void;

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function structWriter(layout: StructLayout): Write {
  const fields = layout.fields.map((field) => ({ field, write: valueWriter(field.type, field.nullable) }));
  const body = fields.filter((f) => f.field.place === 'body');
  const tagged = fields.filter((f) => f.field.place === 'tagged').sort((a, b) => a.field.tag - b.field.tag);
  const absent = layout.fields.filter((field) => field.place === 'absent' && !field.ignorable);
  return (writer, value) => {
    if (typeof value !== 'object' || value === null) throw new Fault('bad value', `${value} is no struct`);
    const struct = value as Record<string, unknown>;
    for (const field of absent) {
      if (!isFallback(field, struct[field.name])) {
        within(`.${field.name}`, () => {
          throw new Fault('version', 'the version has no such field and the value is not the default');
        });
      }
    }
    for (const { field, write } of body) {
      within(`.${field.name}`, () => write(writer, orFallback(field, struct[field.name])));
    }
    if (!layout.flexible) return;
    const present = tagged.filter((f) => !isFallback(f.field, struct[f.field.name]));
    putUvarint(writer, present.length);
    for (const { field, write } of present) {
      putUvarint(writer, field.tag);
      const from = writer.at;
      within(`.${field.name}`, () => write(writer, struct[field.name]));
      const content = Buffer.from(writer.bytes.subarray(from, writer.at));
      writer.at = from;
      putUvarint(writer, content.length);
      put(writer, content);
    }
  };
}

function orFallback(field: FieldLayout, value: unknown): unknown {
  if (value !== undefined) return value;
  if (field.fallback !== undefined) return field.fallback;
  return field.type.kind === 'array' ? [] : {};
}

function isFallback(field: FieldLayout, value: unknown): boolean {
  if (value === undefined) return true;
  if (value === null || field.fallback === null) return value === field.fallback;
  switch (field.type.kind) {
    case 'array':
      return (value as readonly unknown[]).length === 0;
    case 'bytes':
    case 'records':
      return (value as { length: number }).length === 0;
    case 'struct': {
      const struct = value as Record<string, unknown>;
      return field.type.struct.fields.every((inner) => isFallback(inner, struct[inner.name]));
    }
    default:
      return value === field.fallback;
  }
}

function valueWriter(type: TypeLayout, nullable: boolean): Write {
  const notNull = presentWriter(type);
  const putLength = lengthWriter(type);
  return (writer, value) => {
    if (value !== null) notNull(writer, value);
    else if (!nullable) throw new Fault('bad value', 'null where none may be');
    else if (type.kind === 'struct') put(writer, Buffer.of(0xff));
    else putLength(writer, -1);
  };

  function presentWriter(of: TypeLayout): Write {
    switch (of.kind) {
      case 'struct': {
        const write = structWriter(of.struct);
        return (writer, value) => {
          if (nullable) put(writer, Buffer.of(1));
          write(writer, value);
        };
      }
      case 'array': {
        const write = valueWriter(of.element, false);
        return (writer, value) => {
          if (!Array.isArray(value)) throw new Fault('bad value', `${value} is no array`);
          putLength(writer, value.length);
          value.forEach((element, i) => {
            within(`[${i}]`, () => write(writer, element));
          });
        };
      }
      case 'string':
        return (writer, value) => {
          if (typeof value !== 'string') throw new Fault('bad value', `${value} is no string`);
          const text = Buffer.from(value);
          if (text.length > STRING_BYTES_MAX) throw new Fault('bad value', `string of ${text.length} bytes`);
          putLength(writer, text.length);
          put(writer, text);
        };
      case 'bytes':
        return (writer, value) => {
          if (!Buffer.isBuffer(value)) throw new Fault('bad value', `${value} is no buffer`);
          putLength(writer, value.length);
          put(writer, value);
        };
      case 'records':
        return (writer, value) => {
          const parts = value as Buffer | readonly Buffer[];
          putLength(writer, recordsBytes(parts));
          writer.at = writer.records(writer.at, parts);
        };
      default: {
        const encode = FIXED[of.kind];
        return (writer, value) => put(writer, encode(value as never));
      }
    }
  }
}

/** −1 for null. */
function lengthWriter(type: TypeLayout): (writer: FrameWriter, length: number) => void {
  if (type.compact) return (writer, length) => putUvarint(writer, length + 1);
  return (writer, length) => {
    const form = Buffer.alloc(type.kind === 'string' ? 2 : 4);
    form.writeIntBE(length, 0, form.length);
    put(writer, form);
  };
}

function put(writer: FrameWriter, bytes: Buffer): void {
  writer.grow(writer.at, bytes.length).set(bytes, writer.at);
  writer.at += bytes.length;
}

function putUvarint(writer: FrameWriter, value: number): void {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  put(writer, Buffer.from([...bytes, rest]));
}

function integer(size: 1 | 2 | 4, signed: boolean): (value: Scalar) => Buffer {
  const min = signed ? -(2 ** (8 * size - 1)) : 0;
  const max = 2 ** (8 * size - (signed ? 1 : 0)) - 1;
  return (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new Fault('bad value', `${value} is no integer of ${min} to ${max}`);
    }
    const bytes = Buffer.alloc(size);
    if (signed) bytes.writeIntBE(value, 0, size);
    else bytes.writeUIntBE(value, 0, size);
    return bytes;
  };
}

const FIXED: Record<Exclude<ScalarKind, 'string' | 'bytes' | 'records'>, (value: Scalar) => Buffer> = {
  bool: (value) => {
    if (typeof value !== 'boolean') throw new Fault('bad value', `${value} is no boolean`);
    return Buffer.of(value ? 1 : 0);
  },
  int8: integer(1, true),
  int16: integer(2, true),
  int32: integer(4, true),
  uint16: integer(2, false),
  uint32: integer(4, false),
  int64: (value) => {
    if (!Number.isInteger(value) || (value as number) < -(2 ** 53) || (value as number) >= 2 ** 53) {
      throw new Fault('bad value', `${value} is no integer of -2^53 to 2^53-1`);
    }
    return bigint64(BigInt(value as number));
  },
  bigint64: (value) => {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw new Fault('bad value', `${value} is no bigint of 64 bits`);
    }
    return bigint64(value);
  },
  float64: (value) => {
    if (typeof value !== 'number') throw new Fault('bad value', `${value} is no number`);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return bytes;
  },
  uuid: (value) => {
    if (typeof value !== 'string' || !UUID.test(value)) throw new Fault('bad value', `${value} is no UUID`);
    return Buffer.from(value.replaceAll('-', ''), 'hex');
  },
};

function bigint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

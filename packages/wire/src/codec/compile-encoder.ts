import { FIXED_BYTES, type FieldLayout, type StructLayout, type TypeLayout } from '../schema/layout.ts';
import type { Encoder } from './codecs.ts';
import { compileFunction, fallbackSource, fieldName, Source } from './source.ts';
import { support } from './support.ts';

/**
 * Compiles the encoder of one message at one version. In the source: `w` writer, `o` the message, `b` the writer's bytes,
 * `p` position, `s` support. Room is made once for fields of fixed size in a row.
 */
export function compileEncoder(layout: StructLayout): Encoder {
  return compileFunction(support, 'encode', 'w, o', encoderSource(layout));
}

/** The body of the compiled function, for whoever wants to look. */
function encoderSource(layout: StructLayout): string {
  const out = new Source();
  out.line('let b = w.bytes, p = w.at;');
  struct(out, layout, 'o');
  out.line('w.at = p;');
  return out.text();
}

const FAIL = 'throw s.failed;';
/** Longest form of a length. */
const LENGTH_BYTES = 5;

function room(out: Source, bytes: string | number): void {
  out.line(`if (p + ${bytes} > b.length) b = w.grow(p, ${bytes});`);
}

function struct(out: Source, layout: StructLayout, from: string): void {
  out.line(`if (typeof ${from} !== 'object' || ${from} === null) ${FAIL}`);
  let run: FieldLayout[] = [];
  for (const field of layout.fields) {
    if (field.place === 'absent') {
      if (!field.ignorable) refuseUnlessFallback(out, field, from);
    } else if (field.place === 'body' && FIXED_BYTES[field.type.kind] !== undefined) {
      run.push(field);
    } else if (field.place === 'body') {
      fixedRun(out, run, from);
      run = [];
      value(out, field.type, field.nullable, load(out, field, from));
    }
  }
  fixedRun(out, run, from);
  if (layout.flexible) taggedSection(out, layout, from);
}

/** Emits what takes the field's value, or its default when there is none; returns the name. */
function load(out: Source, field: FieldLayout, from: string): string {
  const name = out.name('v');
  out.line(`let ${name} = ${from}.${fieldName(field)};`);
  out.line(`if (${name} === undefined) ${name} = ${fallbackSource(field)};`);
  return name;
}

function refuseUnlessFallback(out: Source, field: FieldLayout, from: string): void {
  const name = out.name('v');
  out.line(`const ${name} = ${from}.${fieldName(field)};`);
  out.line(`if (!(${isFallback(field, name)})) ${FAIL}`);
}

/** An expression for "the value is missing or the default". */
function isFallback(field: FieldLayout, name: string): string {
  const missing = `${name} === undefined`;
  if (field.fallback === null) return `${missing} || ${name} === null`;
  switch (field.type.kind) {
    case 'array':
    case 'bytes':
    case 'records':
      return `${missing} || (${name} !== null && ${name}.length === 0)`;
    case 'struct': {
      const inner = field.type.struct.fields.map((f) => `(${isFallback(f, `${name}.${fieldName(f)}`)})`);
      return `${missing} || (${name} !== null && ${inner.join(' && ')})`;
    }
    default:
      return `${missing} || ${name} === ${fallbackSource(field)}`;
  }
}

function fixedRun(out: Source, fields: readonly FieldLayout[], from: string): void {
  if (fields.length === 0) return;
  const sizes = fields.map((field) => FIXED_BYTES[field.type.kind]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  room(out, total);
  let offset = 0;
  for (const [i, field] of fields.entries()) {
    fixed(out, field.type, load(out, field, from), offset);
    offset += sizes[i]!;
  }
  out.line(`p += ${total};`);
}

const INTEGER_TEST = {
  int8: (v: string) => `(${v} << 24 >> 24) !== ${v}`,
  int16: (v: string) => `(${v} << 16 >> 16) !== ${v}`,
  int32: (v: string) => `(${v} | 0) !== ${v}`,
  uint16: (v: string) => `(${v} & 65535) !== ${v}`,
  uint32: (v: string) => `(${v} >>> 0) !== ${v}`,
};

function fixed(out: Source, type: TypeLayout, name: string, offset: number): void {
  const bytesOf = (of: string, count: number, at: number) => {
    for (let i = 0; i < count; i++) {
      const shift = 8 * (count - 1 - i);
      out.line(`b[p + ${at + i}] = ${of}${shift === 0 ? '' : ` >>> ${shift}`};`);
    }
  };
  switch (type.kind) {
    case 'bool':
      out.line(`if (${name} !== true && ${name} !== false) ${FAIL}`);
      out.line(`b[p + ${offset}] = ${name} ? 1 : 0;`);
      return;
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint16':
    case 'uint32':
      out.line(`if (${INTEGER_TEST[type.kind](name)}) ${FAIL}`);
      bytesOf(name, FIXED_BYTES[type.kind]!, offset);
      return;
    case 'int64': {
      const high = out.name('h');
      out.line(`if (typeof ${name} !== 'number') ${FAIL}`);
      out.line(`const ${high} = Math.floor(${name} / ${2 ** 32});`);
      out.line(
        `if (${high} < ${-(2 ** 21)} || ${high} >= ${2 ** 21} || Math.floor(${name}) !== ${name}) ${FAIL}`,
      );
      bytesOf(high, 4, offset);
      const low = out.name('l');
      out.line(`const ${low} = ${name} - ${high} * ${2 ** 32};`);
      bytesOf(low, 4, offset + 4);
      return;
    }
    case 'bigint64':
      out.line(`if (typeof ${name} !== 'bigint' || BigInt.asIntN(64, ${name}) !== ${name}) ${FAIL}`);
      out.line(`b.writeBigInt64BE(${name}, p + ${offset});`);
      return;
    case 'float64':
      out.line(`if (typeof ${name} !== 'number') ${FAIL}`);
      out.line(`b.writeDoubleBE(${name}, p + ${offset});`);
      return;
    default:
      out.line(`s.writeUuid(b, p + ${offset}, ${name});`);
  }
}

/** Emits what writes a value of any type. */
function value(out: Source, type: TypeLayout, nullable: boolean, name: string): void {
  const size = FIXED_BYTES[type.kind];
  if (size !== undefined) {
    room(out, size);
    fixed(out, type, name, 0);
    out.line(`p += ${size};`);
    return;
  }
  if (nullable) {
    out.line(`if (${name} === null) {`);
    nothing(out, type);
    out.line('} else {');
  } else {
    out.line('{');
  }
  switch (type.kind) {
    case 'struct':
      if (nullable) {
        room(out, 1);
        out.line('b[p++] = 1;');
      }
      struct(out, type.struct, name);
      break;
    case 'array': {
      const index = out.name('i');
      const element = out.name('v');
      out.line(`if (!Array.isArray(${name})) ${FAIL}`);
      length(out, type, `${name}.length`);
      out.line(`for (let ${index} = 0; ${index} < ${name}.length; ${index}++) {`);
      out.line(`const ${element} = ${name}[${index}];`);
      value(out, type.element, false, element);
      out.line('}');
      break;
    }
    case 'string':
      out.line(`if (typeof ${name} !== 'string') ${FAIL}`);
      room(out, `${name}.length * 3 + ${LENGTH_BYTES}`);
      out.line(`p = s.${type.compact ? 'writeCompactString' : 'writeString'}(b, p, ${name});`);
      break;
    case 'bytes':
      out.line(`if (!s.isBuffer(${name})) ${FAIL}`);
      length(out, type, `${name}.length`);
      room(out, `${name}.length`);
      out.line(`b.set(${name}, p);`);
      out.line(`p += ${name}.length;`);
      break;
    default:
      length(out, type, `s.recordsBytes(${name})`);
      out.line(`p = w.records(p, ${name});`);
      out.line('b = w.bytes;');
  }
  out.line('}');
}

function length(out: Source, type: TypeLayout, expression: string): void {
  room(out, LENGTH_BYTES);
  if (type.compact) {
    out.line(`p = s.writeUvarint(b, p, ${expression} + 1);`);
    return;
  }
  const name = out.name('n');
  out.line(`const ${name} = ${expression};`);
  fixed(out, { kind: 'int32', compact: false }, name, 0);
  out.line('p += 4;');
}

/** Emits what writes null. */
function nothing(out: Source, type: TypeLayout): void {
  const size = type.kind === 'struct' || type.compact ? 1 : type.kind === 'string' ? 2 : 4;
  const byte = type.kind !== 'struct' && type.compact ? 0 : 255;
  room(out, size);
  for (let i = 0; i < size; i++) out.line(`b[p++] = ${byte};`);
}

function taggedSection(out: Source, layout: StructLayout, from: string): void {
  const tagged = layout.fields
    .filter((field) => field.place === 'tagged')
    .sort((a, b) => a.tag - b.tag)
    .map((field) => ({ field, name: out.name('v'), present: out.name('f') }));
  for (const { field, name, present } of tagged) {
    out.line(`const ${name} = ${from}.${fieldName(field)};`);
    out.line(`const ${present} = !(${isFallback(field, name)});`);
  }
  room(out, LENGTH_BYTES);
  const count = tagged.map(({ present }) => `(${present} ? 1 : 0)`).join(' + ');
  out.line(tagged.length === 0 ? 'b[p++] = 0;' : `p = s.writeUvarint(b, p, ${count});`);
  for (const { field, name, present } of tagged) {
    const start = out.name('q');
    out.line(`if (${present}) {`);
    room(out, LENGTH_BYTES + 1);
    out.line(`p = s.writeUvarint(b, p, ${field.tag});`);
    out.line(`const ${start} = p++;`);
    value(out, field.type, field.nullable, name);
    out.line(`p = s.writeTaggedSize(w, ${start}, p);`);
    out.line('b = w.bytes;');
    out.line('}');
  }
}

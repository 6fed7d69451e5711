import {
  ELEMENTS_MAX,
  FIXED_BYTES,
  type FieldLayout,
  leastBytes,
  STRING_BYTES_MAX,
  type StructLayout,
  type TypeLayout,
} from '../schema/layout.ts';
import type { Decoder } from './codecs.ts';
import { compileFunction, fallbackSource, fieldName, Source } from './source.ts';
import { support } from './support.ts';

/**
 * Compiles the decoder of one message at one version into one function without calls for most fields.
 * In the source: `b` bytes, `p` position, `e` end, `s` support. Fields of fixed size in a row share one check.
 */
export function compileDecoder(layout: StructLayout): Decoder {
  return compileFunction(support, 'decode', 'b, p', decoderSource(layout));
}

/** The body of the compiled function, for whoever wants to look. */
function decoderSource(layout: StructLayout): string {
  const out = new Source();
  out.line('const e = b.length;');
  out.line('s.elements = 0;');
  const value = struct(out, layout);
  out.line('if (p !== e) throw s.failed;');
  out.line(`return ${value};`);
  return out.text();
}

const FAIL = 'throw s.failed;';

/** Emits what reads a struct; returns the expression of its value. */
function struct(out: Source, layout: StructLayout): string {
  const values = new Map<FieldLayout, string>();
  let run: FieldLayout[] = [];
  for (const field of layout.fields) {
    if (field.place === 'absent') {
      values.set(field, fallbackSource(field));
    } else if (field.place === 'tagged') {
      const name = out.name('t');
      out.line(`let ${name} = ${fallbackSource(field)};`);
      values.set(field, name);
    } else if (isFixed(field)) {
      run.push(field);
    } else {
      fixedRun(out, run, values);
      run = [];
      values.set(field, value(out, field.type, field.nullable));
    }
  }
  fixedRun(out, run, values);
  if (layout.flexible) taggedSection(out, layout, values);
  return `{ ${layout.fields.map((field) => `${fieldName(field)}: ${values.get(field)}`).join(', ')} }`;
}

function isFixed(field: FieldLayout): boolean {
  return FIXED_BYTES[field.type.kind] !== undefined;
}

function fixedRun(out: Source, fields: readonly FieldLayout[], values: Map<FieldLayout, string>): void {
  if (fields.length === 0) return;
  let size = 0;
  const reads: [FieldLayout, number][] = fields.map((field) => {
    const at = size;
    size += FIXED_BYTES[field.type.kind]!;
    return [field, at];
  });
  out.line(`if (e - p < ${size}) ${FAIL}`);
  for (const [field, at] of reads) values.set(field, fixed(out, field.type, at));
  out.line(`p += ${size};`);
}

/** Emits what reads a fixed-size scalar `offset` bytes after `p`; returns its name. */
function fixed(out: Source, type: TypeLayout, offset: number): string {
  const name = out.name('v');
  if (type.kind === 'int64') {
    const high = out.name('h');
    out.line(`const ${high} = ${int32At(offset)};`);
    out.line(`if (${high} < ${-(2 ** 21)} || ${high} >= ${2 ** 21}) ${FAIL}`);
    out.line(`const ${name} = ${high} * ${2 ** 32} + (${int32At(offset + 4)} >>> 0);`);
  } else {
    out.line(`const ${name} = ${fixedExpression(type, offset)};`);
  }
  return name;
}

function fixedExpression(type: TypeLayout, offset: number): string {
  switch (type.kind) {
    case 'bool':
      return `b[p + ${offset}] !== 0`;
    case 'int8':
      return `b[p + ${offset}] << 24 >> 24`;
    case 'int16':
      return `(b[p + ${offset}] << 24 | b[p + ${offset + 1}] << 16) >> 16`;
    case 'uint16':
      return `b[p + ${offset}] << 8 | b[p + ${offset + 1}]`;
    case 'int32':
      return int32At(offset);
    case 'uint32':
      return `${int32At(offset)} >>> 0`;
    case 'float64':
      return `b.readDoubleBE(p + ${offset})`;
    case 'bigint64':
      return `b.readBigInt64BE(p + ${offset})`;
    default:
      return `s.readUuid(b, p + ${offset})`;
  }
}

function int32At(offset: number): string {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => `b[p + ${offset + i}]`);
  return `(${a} << 24 | ${b} << 16 | ${c} << 8 | ${d})`;
}

/** Emits what reads a value of any type; returns its name. */
function value(out: Source, type: TypeLayout, nullable: boolean): string {
  const size = FIXED_BYTES[type.kind];
  if (size !== undefined) {
    out.line(`if (e - p < ${size}) ${FAIL}`);
    const name = fixed(out, type, 0);
    out.line(`p += ${size};`);
    return name;
  }
  if (type.kind === 'struct') return structValue(out, type.struct, nullable);

  const name = out.name('v');
  const length = lengthOf(out, type);
  out.line(`let ${name} = null;`);
  out.line(`if (${length} < 0) {`);
  out.line(nullable ? `if (${length} !== -1) ${FAIL}` : FAIL);
  out.line('} else {');
  if (type.kind === 'array') {
    const index = out.name('i');
    out.line(`if (${length} * ${leastBytes(type.element)} > e - p) ${FAIL}`);
    out.line(`if ((s.elements += ${length}) > ${ELEMENTS_MAX}) ${FAIL}`);
    out.line(`${name} = new Array(${length});`);
    out.line(`for (let ${index} = 0; ${index} < ${length}; ${index}++) {`);
    out.line(`${name}[${index}] = ${value(out, type.element, false)};`);
    out.line('}');
  } else {
    const tooLong = type.kind === 'string' && type.compact ? ` || ${length} > ${STRING_BYTES_MAX}` : '';
    out.line(`if (${length} > e - p${tooLong}) ${FAIL}`);
    const slice = type.kind === 'string' ? 's.readString(b, p, ' : 'b.subarray(p, ';
    out.line(`${name} = ${slice}p += ${length});`);
  }
  out.line('}');
  return name;
}

function structValue(out: Source, layout: StructLayout, nullable: boolean): string {
  const name = out.name('v');
  out.line(`let ${name} = null;`);
  if (nullable) {
    out.line(`if (p >= e) ${FAIL}`);
    out.line('if (b[p++] < 128) {');
  } else {
    out.line('{');
  }
  out.line(`${name} = ${struct(out, layout)};`);
  out.line('}');
  return name;
}

/** Emits what reads a length; returns its name. −1 is null. */
function lengthOf(out: Source, type: TypeLayout): string {
  const name = out.name('n');
  if (type.compact) {
    uvarint(out, name);
    out.line(`${name} -= 1;`);
    return name;
  }
  const size = type.kind === 'string' ? 2 : 4;
  out.line(`if (e - p < ${size}) ${FAIL}`);
  const read = fixedExpression({ kind: size === 2 ? 'int16' : 'int32', compact: false }, 0);
  out.line(`const ${name} = ${read};`);
  out.line(`p += ${size};`);
  return name;
}

function uvarint(out: Source, name: string): void {
  out.line(`let ${name} = 0;`);
  out.line(`if (p < e && b[p] < 128) { ${name} = b[p++]; }`);
  out.line(`else { ${name} = s.readUvarint(b, p); p = s.at; }`);
}

function taggedSection(out: Source, layout: StructLayout, values: Map<FieldLayout, string>): void {
  const known = layout.fields.filter((field) => field.place === 'tagged');
  const [count, index, tag, size, end] = ['n', 'i', 'g', 'z', 'q'].map((prefix) => out.name(prefix));
  uvarint(out, count!);
  out.line(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`);
  uvarint(out, tag!);
  uvarint(out, size!);
  out.line(`if (${size} > e - p) ${FAIL}`);
  out.line(`const ${end} = p + ${size};`);
  out.line(`switch (${tag}) {`);
  for (const field of known) {
    out.line(`case ${field.tag}: {`);
    out.line(`${values.get(field)} = ${value(out, field.type, field.nullable)};`);
    out.line(`if (p !== ${end}) ${FAIL}`);
    out.line('break; }');
  }
  out.line(`default: p = ${end};`);
  out.line('}');
  out.line('}');
}

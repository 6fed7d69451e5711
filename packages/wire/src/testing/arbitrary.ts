import fc from 'fast-check';
import type { FieldLayout, StructLayout, TypeLayout } from '../schema/layout.ts';

/** Tests only: messages that an encoder of this layout accepts, complete as a decoder would give them. */
export function messageArbitrary(layout: StructLayout): fc.Arbitrary<Record<string, unknown>> {
  return structOf(layout.fields.map((field) => [field.name, fieldArbitrary(field)]));
}

function fieldArbitrary(field: FieldLayout): fc.Arbitrary<unknown> {
  if (field.place === 'absent') return defaultArbitrary(field);
  const present = typeArbitrary(field.type);
  const value = field.nullable ? fc.option(present, { freq: 4 }) : present;
  if (field.fallback === null && !field.nullable) return present;
  return fc.oneof({ weight: 1, arbitrary: defaultArbitrary(field) }, { weight: 4, arbitrary: value });
}

function defaultArbitrary(field: FieldLayout): fc.Arbitrary<unknown> {
  if (field.fallback !== undefined) return fc.constant(field.fallback);
  if (field.type.kind === 'struct') {
    const fields = field.type.struct.fields.map((inner) => [inner.name, defaultArbitrary(inner)] as const);
    return structOf(fields);
  }
  return fc.constant([]).map(() => []);
}

function typeArbitrary(type: TypeLayout): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'struct':
      return messageArbitrary(type.struct);
    case 'array':
      return fc.array(typeArbitrary(type.element), { maxLength: 4 });
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 });
    case 'int32':
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    case 'uint16':
      return fc.integer({ min: 0, max: 2 ** 16 - 1 });
    case 'uint32':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case 'int64':
      return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, -(2 ** 53), 2 ** 53 - 1, 2 ** 32));
    case 'bigint64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float64':
      return fc.double({ noNaN: true });
    case 'uuid':
      return fc.uuid();
    case 'string':
      return fc.oneof(
        { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
        { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 30, maxLength: 300 }) },
      );
    default:
      return fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  }
}

function structOf(
  fields: (readonly [string, fc.Arbitrary<unknown>])[],
): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(fields), { noNullPrototype: true });
}

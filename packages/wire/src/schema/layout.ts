import { assert } from '@edgelog/base';
import type { Fields, FieldType, ScalarKind } from './field.ts';
import type { Message } from './message.ts';

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

/** In UTF-8 bytes. Kafka's clients refuse longer ones in the compact form too. */
export const STRING_BYTES_MAX = 0x7fff;
/**
 * Array elements of one message, all arrays together. An element may take 3 bytes in a frame and 100 in memory: without
 * a bound one request of 100 MB, from anybody, takes 3 GB and eleven seconds to decode.
 */
export const ELEMENTS_MAX = 1_000_000;

/** A message at one version: what both forms of the codec are made from. */
export interface StructLayout {
  readonly flexible: boolean;
  /** All fields of the schema, in its order; those that the version lacks too. */
  readonly fields: readonly FieldLayout[];
}

export type TypeLayout =
  | { readonly kind: ScalarKind; readonly compact: boolean }
  | { readonly kind: 'array'; readonly compact: boolean; readonly element: TypeLayout }
  | { readonly kind: 'struct'; readonly compact: boolean; readonly struct: StructLayout };

export interface FieldLayout {
  readonly name: string;
  readonly place: 'body' | 'tagged' | 'absent';
  /** −1 unless tagged. */
  readonly tag: number;
  readonly type: TypeLayout;
  readonly nullable: boolean;
  readonly ignorable: boolean;
  /** Scalars: the value. Arrays: `null` or `undefined` for an empty one. Structs: `undefined`, their fields' defaults. */
  readonly fallback: Scalar | null | undefined;
}

export type Scalar = boolean | number | bigint | string | Buffer;

/** Bytes of a scalar that always takes as many; undefined for the others. */
export const FIXED_BYTES: Readonly<Partial<Record<ScalarKind | 'array' | 'struct', number>>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bigint64: 8,
  uint16: 2,
  uint32: 4,
  float64: 8,
  uuid: 16,
};

export function layoutOf(message: Message, version: number): StructLayout {
  const [min, max] = message.versions;
  assert(version >= min && version <= max, `${message.name} has no version ${version}`);
  return structLayout(message.fields, version, version >= message.flexible);
}

/** Fewest bytes a value of this type can take: the bound that keeps a hostile array length from costing memory. */
export function leastBytes(type: TypeLayout): number {
  if (type.kind === 'struct') {
    const present = type.struct.fields.filter((f) => f.place === 'body');
    // A null struct is its one-byte marker.
    const sum = present.reduce(
      (total, f) => total + (f.type.kind === 'struct' && f.nullable ? 1 : leastBytes(f.type)),
      0,
    );
    return Math.max(1, sum + (type.struct.flexible ? 1 : 0));
  }
  const fixed = FIXED_BYTES[type.kind];
  if (fixed !== undefined) return fixed;
  if (type.compact) return 1;
  return type.kind === 'string' ? 2 : 4;
}

function structLayout(fields: Fields, version: number, flexible: boolean): StructLayout {
  const laidOut = Object.entries(fields).map(([name, field]): FieldLayout => {
    const {
      since = 0,
      until = Number.POSITIVE_INFINITY,
      nullable,
      tagged,
      ignorable = false,
    } = field.options;
    const present = version >= Math.max(since, tagged?.since ?? 0) && version <= until;
    assert(!tagged || !present || flexible, `${name} is tagged in version ${version}, which is not flexible`);
    const type = typeLayout(field.type, version, flexible);
    assert(!tagged || !holdsRecords(field.type), `${name} is tagged, so it cannot hold records`);
    return {
      name,
      place: present ? (tagged ? 'tagged' : 'body') : 'absent',
      tag: tagged?.tag ?? -1,
      type,
      nullable: nullable !== undefined && version >= nullable,
      ignorable,
      fallback: fallbackOf(type, field.options.default as Scalar | null | undefined),
    };
  });
  return { flexible, fields: laidOut };
}

function holdsRecords(type: FieldType): boolean {
  if (type.kind === 'array') return holdsRecords(type.element);
  if (type.kind === 'struct') return Object.values(type.fields).some((field) => holdsRecords(field.type));
  return type.kind === 'records';
}

function typeLayout(type: FieldType, version: number, flexible: boolean): TypeLayout {
  if (type.kind === 'array') {
    return { kind: 'array', compact: flexible, element: typeLayout(type.element, version, flexible) };
  }
  if (type.kind === 'struct') {
    return { kind: 'struct', compact: flexible, struct: structLayout(type.fields, version, flexible) };
  }
  return { kind: type.kind, compact: flexible };
}

function fallbackOf(type: TypeLayout, stated: Scalar | null | undefined): Scalar | null | undefined {
  if (stated === null) return null;
  switch (type.kind) {
    case 'array':
    case 'struct':
      return undefined;
    case 'bool':
      return stated ?? false;
    case 'string':
      return stated ?? '';
    case 'uuid':
      return stated ?? ZERO_UUID;
    case 'bytes':
    case 'records':
      assert(stated === undefined, `a ${type.kind} field can only default to empty or null`);
      return Buffer.alloc(0);
    case 'bigint64':
      return stated ?? 0n;
    default:
      return stated ?? 0;
  }
}

import type { z } from 'zod';
import { type Unit, unitOf } from './units.ts';

export type SettingsSchema = z.ZodObject;

/** How a setting can be written: as text in a flag or variable, or (`structured`) only in the YAML file. */
export type FieldKind = 'string' | 'number' | 'boolean' | 'enum' | 'structured';

export interface Field {
  /** The schema's key, camelCase; also the key in the YAML file. */
  readonly key: string;
  /** `--kebab-case` */
  readonly flag: string;
  /** `EDGELOG_SNAKE_CASE` */
  readonly variable: string;
  readonly kind: FieldKind;
  /** Of a number that may be given with one. */
  readonly unit: Unit | undefined;
  /** A list: repeated flags, or values separated by commas. */
  readonly isList: boolean;
  readonly allowed: readonly string[];
  readonly isRequired: boolean;
  readonly defaultValue: unknown;
  readonly description: string;
  /** `.meta({ hidden: true })`: taken like any other, not shown by --help. */
  readonly isHidden: boolean;
}

export const ENV_PREFIX = 'EDGELOG_';

export function toFlag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function toVariable(key: string): string {
  return ENV_PREFIX + key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** The part of a zod definition that is read here. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly element?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly defaultValue?: unknown;
}
function definitionOf(type: z.ZodType): Definition {
  return type.def as unknown as Definition;
}

/** Looks through default, optional, nullable and the input side of a transform. */
function unwrap(type: z.ZodType): z.ZodType {
  for (let inner = type; ; ) {
    const definition = definitionOf(inner);
    const next =
      definition.innerType ??
      (definition.type !== 'pipe'
        ? undefined
        : definitionOf(definition.in!).type === 'transform'
          ? definition.out
          : definition.in);
    if (next === undefined) return inner;
    inner = next;
  }
}

function kindOf(type: z.ZodType): { kind: FieldKind; allowed: readonly string[] } {
  const definition = definitionOf(unwrap(type));
  switch (definition.type) {
    case 'string':
    case 'number':
    case 'boolean':
      return { kind: definition.type, allowed: [] };
    case 'enum':
      return { kind: 'enum', allowed: Object.values(definition.entries ?? {}) };
    case 'literal':
      return { kind: 'enum', allowed: (definition.values ?? []).map(String) };
    case 'union': {
      const kinds = (definition.options ?? []).map(kindOf);
      const textual = kinds.filter(({ kind }) => kind !== 'structured');
      if (textual.length === 0) return { kind: 'structured', allowed: [] };
      if (textual.every(({ kind }) => kind === 'enum')) {
        return { kind: 'enum', allowed: textual.flatMap(({ allowed }) => allowed) };
      }
      return textual.find(({ kind }) => kind === 'number') ?? textual[0]!;
    }
    default:
      return { kind: 'structured', allowed: [] };
  }
}

/** What can be set, in the schema's order. */
export function fieldsOf(schema: SettingsSchema): Field[] {
  return Object.entries(schema.shape).map(([key, value]) => {
    const type = value as z.ZodType;
    const bare = unwrap(type);
    const element = definitionOf(bare).type === 'array' ? definitionOf(bare).element : undefined;
    return {
      key,
      flag: toFlag(key),
      variable: toVariable(key),
      ...kindOf(element ?? bare),
      unit: unitOf(bare),
      isList: element !== undefined,
      isRequired: !type.safeParse(undefined).success,
      defaultValue: defaultOf(type),
      description: type.description ?? bare.description ?? '',
      isHidden: type.meta()?.hidden === true,
    };
  });
}

function defaultOf(type: z.ZodType): unknown {
  for (let inner: z.ZodType | undefined = type; inner !== undefined; inner = definitionOf(inner).innerType) {
    const definition = definitionOf(inner);
    if (definition.type === 'default' || definition.type === 'prefault') return definition.defaultValue;
  }
  return undefined;
}

export interface UnknownKey {
  readonly path: readonly (string | number)[];
  /** The keys that are known there. */
  readonly known: readonly string[];
}

/** Keys of `value` that the schema does not know, at any depth; zod alone would drop them in silence. */
export function unknownKeys(
  type: z.ZodType,
  value: unknown,
  path: readonly (string | number)[] = [],
): UnknownKey[] {
  const definition = definitionOf(unwrap(type));
  if (Array.isArray(value)) {
    if (definition.type !== 'array') return [];
    return value.flatMap((item, i) => unknownKeys(definition.element!, item, [...path, i]));
  }
  if (definition.type !== 'object' || value === null || typeof value !== 'object') return [];
  const shape = definition.shape ?? {};
  const isOpen = definition.catchall !== undefined && definitionOf(definition.catchall).type !== 'never';
  const known = Object.keys(shape);
  return Object.entries(value).flatMap(([key, item]) => {
    if (Object.hasOwn(shape, key)) return unknownKeys(shape[key]!, item, [...path, key]);
    return isOpen ? [] : [{ path: [...path, key], known }];
  });
}

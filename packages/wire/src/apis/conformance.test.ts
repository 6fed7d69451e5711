import { describe, expect, test } from 'vitest';
import { type FieldLayout, layoutOf, type StructLayout, ZERO_UUID } from '../schema/layout.ts';
import type { Api, Message } from '../schema/message.ts';
import {
  findClientsJar,
  JAR_FOLDERS,
  type OfficialField,
  type OfficialMessage,
  readOfficialMessages,
} from '../testing/official-messages.ts';
import { apis, saslApis } from './index.ts';

/** A field at one version, the same whether it comes from our schema or from Kafka's definition. */
interface FieldFacts {
  name: string;
  place: FieldLayout['place'];
  type: string;
  default: unknown;
  /** Only where the version lacks the field. */
  ignorable?: boolean;
  tag?: number;
  nullable?: boolean;
  fields?: { flexible: boolean; fields: FieldFacts[] };
}

const jar = findClientsJar();
const kafkaApis = Object.values<Api>({ ...apis, ...saslApis }).filter(({ isInternal }) => !isInternal);

if (!jar) {
  const why = `no kafka-clients jar in ${JAR_FOLDERS.join(', ')} (set EDGELOG_KAFKA_JARS)`;
  test.skipIf(process.env.CI !== 'true')(`schemas equal Kafka's definitions: ${why}`, () => {
    expect.fail(why);
  });
} else {
  const official = readOfficialMessages(jar);
  const cases = kafkaApis.flatMap((api) => [
    { api, message: api.request, name: `${api.name}Request` },
    { api, message: api.response, name: `${api.name}Response` },
  ]);

  describe.each(cases)("$name equals Kafka's definition", ({ api, message, name }) => {
    const definition = official.get(name)!;
    const [min, max] = message.versions;

    test('has its key, and only stable versions', () => {
      expect(definition.apiKey).toBe(api.key);
      const [officialMin, officialMax] = range(definition.validVersions);
      expect(min).toBeGreaterThanOrEqual(officialMin);
      const request = official.get(`${api.name}Request`)!;
      expect(max).toBeLessThanOrEqual(request.latestVersionUnstable ? officialMax - 1 : officialMax);
    });

    const versions = Array.from({ length: max - min + 1 }, (_, i) => min + i);
    test.each(versions)('version %i, field by field', (version) => {
      expect(ours(layoutOf(message, version))).toStrictEqual(theirs(definition, message, version));
    });
  });
}

function ours(layout: StructLayout): NonNullable<FieldFacts['fields']> {
  const fields = layout.fields.map((field): FieldFacts => {
    const { name, place, ignorable, tag, nullable } = field;
    const array = field.type.kind === 'array' ? '[]' : '';
    const element = field.type.kind === 'array' ? field.type.element : field.type;
    const facts = { name, place, type: `${array}${element.kind}`.replace('bigint', 'int') };
    const fallback = Buffer.isBuffer(field.fallback) ? 'empty' : field.fallback;
    if (place === 'absent') return { ...facts, default: fallback, ignorable };
    return {
      ...facts,
      default: fallback,
      nullable,
      ...(place === 'tagged' ? { tag } : {}),
      ...(element.kind === 'struct' ? { fields: ours(element.struct) } : {}),
    };
  });
  return { flexible: layout.flexible, fields };
}

function theirs(definition: OfficialMessage, message: Message, version: number) {
  const structs = new Map((definition.commonStructs ?? []).map((struct) => [struct.name, struct.fields]));
  const [min, max] = message.versions;
  const flexible = within(definition.flexibleVersions, version);

  function struct(fields: OfficialField[]): NonNullable<FieldFacts['fields']> {
    const served = fields.filter(({ versions }) => {
      const [from, to] = range(versions);
      return from <= max && to >= min;
    });
    return { flexible, fields: served.map(field) };
  }

  function field(official: OfficialField): FieldFacts {
    const array = official.type.startsWith('[]') ? '[]' : '';
    const element = official.type.slice(array.length);
    const isStruct = /^[A-Z]/.test(element);
    const present = within(official.versions, version);
    const tagged = within(official.taggedVersions, version);
    const facts = {
      name: official.name[0]!.toLowerCase() + official.name.slice(1),
      place: !present ? ('absent' as const) : tagged ? ('tagged' as const) : ('body' as const),
      type: array + (isStruct ? 'struct' : element),
      default: defaultOf(official),
    };
    if (!present) return { ...facts, ignorable: String(official.ignorable) === 'true' };
    return {
      ...facts,
      nullable: within(official.nullableVersions, version),
      ...(tagged ? { tag: official.tag! } : {}),
      ...(isStruct ? { fields: struct(official.fields ?? structs.get(element)!) } : {}),
    };
  }

  return struct(definition.fields);
}

function defaultOf({ type, default: stated }: OfficialField): unknown {
  if (stated === 'null') return null;
  if (type.startsWith('[]') || /^[A-Z]/.test(type)) return undefined;
  if (type === 'bool') return String(stated) === 'true';
  if (type === 'string') return stated ?? '';
  if (type === 'uuid') return stated ?? ZERO_UUID;
  if (type === 'bytes' || type === 'records') return 'empty';
  const value = Number(stated ?? 0);
  return Number.isSafeInteger(value) ? value : BigInt(stated as string);
}

/** `3+`, `2-5`, `4` or `none`. */
function range(versions: string): [from: number, to: number] {
  if (versions === 'none') return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (versions.endsWith('+')) return [Number.parseInt(versions, 10), Number.POSITIVE_INFINITY];
  const [from, to = from] = versions.split('-').map(Number);
  return [from!, to!];
}

function within(versions: string | undefined, version: number): boolean {
  const [from, to] = range(versions ?? 'none');
  return version >= from && version <= to;
}

import type { StructLayout, TypeLayout } from '../schema/layout.ts';

/**
 * Tests only: a message as the JSON that Kafka's own converters read: UUIDs and bytes in base64, 64-bit numbers as digits, and
 * floating point always with an exponent. Fields that the version lacks are left out.
 */
export function kafkaJson(layout: StructLayout, value: Record<string, unknown>): string {
  const members = layout.fields
    .filter(({ place }) => place !== 'absent')
    .map(({ name, type }) => `${JSON.stringify(name)}:${valueJson(type, value[name])}`);
  return `{${members.join(',')}}`;
}

function valueJson(type: TypeLayout, value: unknown): string {
  if (value === null) return 'null';
  switch (type.kind) {
    case 'struct':
      return kafkaJson(type.struct, value as Record<string, unknown>);
    case 'array':
      return `[${(value as unknown[]).map((element) => valueJson(type.element, element)).join(',')}]`;
    case 'uuid':
      return JSON.stringify(Buffer.from(String(value).replaceAll('-', ''), 'hex').toString('base64url'));
    case 'bytes':
    case 'records':
      return JSON.stringify((value as Buffer).toString('base64'));
    case 'float64':
      return floatJson(value as number);
    case 'string':
      return JSON.stringify(value);
    default:
      return String(value);
  }
}

function floatJson(value: number): string {
  return Object.is(value, -0) ? '-0e0' : value.toExponential();
}

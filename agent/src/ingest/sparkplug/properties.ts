import { bytesOf, varintOf } from './payload.ts';
import { corrupt, type Field, readFields } from './protobuf.ts';
import { DATA_TYPES, jsonValue } from './value.ts';

/** Sets within sets. */
const DEPTH_MAX = 10;
/** Fields 3 to 8 of a PropertyValue are 10 to 15 of a metric: int, long, float, double, boolean, string. */
const TO_METRIC_FIELD = 7;
const SET = 9;
const SET_LIST = 10;

/** A metric's PropertySet, such as its quality and unit, as an object [Sparkplug 3.0, 6.4.7]. Throws CORRUPT_FRAME. */
export function jsonProperties(bytes: Buffer, depth = 0): Record<string, unknown> {
  if (depth === DEPTH_MAX) throw corrupt('property sets within property sets without end');
  const keys: string[] = [];
  const values: unknown[] = [];
  for (const field of readFields(bytes)) {
    if (field.number === 1) keys.push(bytesOf(field).toString());
    else if (field.number === 2) values.push(jsonProperty(bytesOf(field), depth));
  }
  if (keys.length !== values.length) throw corrupt(`${keys.length} property names, ${values.length} values`);
  return Object.fromEntries(keys.map((key, i) => [key, values[i]]));
}

function jsonProperty(bytes: Buffer, depth: number): unknown {
  let datatype: string | undefined;
  let isNull = false;
  let value: Field | undefined;
  for (const field of readFields(bytes)) {
    if (field.number === 1) datatype = DATA_TYPES[Number(varintOf(field))];
    else if (field.number === 2) isNull = varintOf(field) !== 0n;
    else value = field;
  }
  if (isNull || value === undefined) return null;
  if (value.number === SET) return jsonProperties(bytesOf(value), depth + 1);
  if (value.number !== SET_LIST)
    return jsonValue({ ...value, number: value.number + TO_METRIC_FIELD }, datatype);
  const sets: unknown[] = [];
  for (const field of readFields(bytesOf(value))) sets.push(jsonProperties(bytesOf(field), depth + 1));
  return sets;
}

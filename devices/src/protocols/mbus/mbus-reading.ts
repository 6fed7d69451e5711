import { type Decimal, decimal, scaled } from '../decimal.ts';
import type { Value } from '../reading.ts';
import type { MbusRecord } from './records.ts';
import type { MbusTelegram } from './telegram.ts';

/** What a profile makes of one record. */
export interface MbusEntry {
  /** The record's own name, e.g. `energy_s1`. */
  record: string;
  name: string;
  /** value × scale is in `unit`; the record itself is in `recordUnit`. */
  scale: Decimal;
  unit: string;
  recordUnit: string;
}

/**
 * The reading of a meter: identification number as `meter`, then the records. Those without a valid value are left out; a name
 * that comes again gets `_2`, `_3`. `missing`: what the profile names and the meter did not send, or not in that unit.
 */
export function mbusReading(
  { identification, manufacturer, medium, status }: MbusTelegram,
  records: readonly MbusRecord[],
  entries: readonly MbusEntry[],
): { values: Map<string, Value>; units: Map<string, string>; missing: readonly string[] } {
  const values = new Map<string, Value>([
    ['meter', identification],
    ['manufacturer', manufacturer],
    ['medium', medium],
    ['status', decimal(status)],
  ]);
  const units = new Map<string, string>();
  const named = numbered(records);
  if (entries.length === 0) {
    for (const [name, { value, unit }] of named) {
      if (value !== undefined && !values.has(name)) values.set(name, value);
      units.set(name, unit);
    }
  }
  const missing: string[] = [];
  for (const { record, name, scale, unit, recordUnit } of entries) {
    const found = named.get(record);
    if (found === undefined || found.unit !== recordUnit)
      missing.push(`${record} in ${recordUnit || 'no unit'}`);
    else if (found.value !== undefined) {
      values.set(
        name,
        typeof found.value === 'string' ? found.value : scaled(found.value, scale, decimal(0)),
      );
      units.set(name, unit);
    }
  }
  return { values, units, missing };
}

function numbered(records: readonly MbusRecord[]): Map<string, MbusRecord> {
  const named = new Map<string, MbusRecord>();
  const counts = new Map<string, number>();
  for (const record of records) {
    const count = (counts.get(record.name) ?? 0) + 1;
    counts.set(record.name, count);
    named.set(count === 1 ? record.name : `${record.name}_${count}`, record);
  }
  return named;
}

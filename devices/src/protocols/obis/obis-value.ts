import { parseDecimal } from '../decimal.ts';
import type { Value } from '../reading.ts';
import type { DataSet } from './data-lines.ts';

export const OBIS_TYPES = ['number', 'text', 'hextext', 'time'] as const;

/**
 * The data set that an entry means. Meters write the same code in full, `1-0:1.8.0*255`, or as short as their display does,
 * `1.8.0` or `1.8`: an entry without medium and channel means all of these. `*` with another number is a value of the past.
 */
export function findDataSet({ obis }: ObisEntry, sets: readonly DataSet[]): DataSet | undefined {
  if (/[:*&]/.test(obis)) return sets.find(({ code }) => code === obis);
  return sets.find(({ code }) => shortCode(code) === shortCode(obis));
}

function shortCode(code: string): string {
  return code
    .replace(/^\d+-\d+:/, '')
    .replace(/\*255$/, '')
    .replace(/^([^.]+\.[^.]+)\.0$/, '$1');
}

/** What a profile makes of one data set. */
export interface ObisEntry {
  /** As the instrument writes it: `1-0:1.8.1`, or `1.8.0`. */
  obis: string;
  name: string;
  /** `hextext`: text sent as hexadecimal digits; `time`: `YYMMDDhhmmss` with `S` or `W`. */
  type: (typeof OBIS_TYPES)[number];
  /** Of a number, as the telegram must say it; empty where it says none. */
  unit: string;
  /** Which bracket, from 0; negative from the end. */
  group: number;
}

/** Undefined where the bracket is empty or not there; `problem` where it does not hold what the profile says. */
export function obisValue(entry: ObisEntry, { groups }: DataSet): { value?: Value; problem?: string } {
  const text = groups.at(entry.group);
  if (text === undefined || text === '') return {};
  const value = entry.type === 'number' ? undefined : convert(entry.type, text);
  if (entry.type === 'number') {
    const [digits = '', unit = ''] = text.split('*', 2);
    const number = parseDecimal(digits);
    if (number === undefined) return { problem: `${entry.obis} is ${JSON.stringify(text)}, not a number` };
    return unit === entry.unit
      ? { value: number }
      : { problem: `${entry.obis} is in ${JSON.stringify(unit)}, not in ${JSON.stringify(entry.unit)}` };
  }
  return value === undefined
    ? { problem: `${entry.obis} is ${JSON.stringify(text)}, no ${entry.type}` }
    : { value };
}

function convert(type: 'text' | 'hextext' | 'time', text: string): string | undefined {
  switch (type) {
    case 'text':
      return text;
    case 'hextext':
      return hexText(text);
    case 'time':
      return obisTime(text);
  }
}

/** Text of its hexadecimal digits; the digits themselves where they are no text but a number. */
function hexText(digits: string): string | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})*$/.test(digits)) return undefined;
  const text = Buffer.from(digits, 'hex').toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) ? text : digits;
}

/** Central European Time, the zone of every meter with a P1 port. */
const OFFSET: Readonly<Record<string, string>> = { S: '+02:00', W: '+01:00' };

/**
 * `YYMMDDhhmmssX` as ISO 8601, where X is S in summer time and W in winter [DSMR P1 5.0.2, 6.4]. Meters before DSMR 4 send
 * no X: the time then has no offset, since the hour at the end of summer time comes twice.
 */
export function obisTime(text: string): string | undefined {
  const match = /^(\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])([0-5]\d)([0-5]\d)([SW]?)$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, season = ''] = match;
  return `20${year}-${month}-${day}T${hour}:${minute}:${second}${OFFSET[season] ?? ''}`;
}

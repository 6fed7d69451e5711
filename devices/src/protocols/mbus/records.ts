import type { Decimal } from '../decimal.ts';
import { type Quantity, quantityOf } from './quantity.ts';
import { bcdOf, dateOf, integerOf, patternOf, realOf, textOf, timeOf } from './value.ts';

/** One data record of a telegram. */
export interface MbusRecord {
  /** `energy`, with what tells it from others of its kind: `_max`, `_min`, `_error`, `_s1` storage, `_t2` tariff, `_u1` unit of the device. */
  name: string;
  unit: string;
  /** Undefined where the meter says that it has no valid value. */
  value: Decimal | string | undefined;
}

export interface Records {
  records: readonly MbusRecord[];
  /** The meter has a further telegram. */
  hasMore: boolean;
}

/** The records do not fit their telegram, though its checksum is right. */
export class RecordError extends Error {}

const MANUFACTURER_DATA = 0x0f;
const MORE_FOLLOWS = 0x1f;
const FILLER = 0x2f;
const EXTENSION = 0x80;
const FUNCTIONS = ['', '_max', '_min', '_error'] as const;
const VARIABLE_LENGTH = 13;
/** Bytes by data field; 8 is a selection for read-out, without data. */
const LENGTHS = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, undefined, 6] as const;
const REAL = 5;
const BCD_FIRST = 9;

/** Reads bytes in order; past the end is a RecordError. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  take(length: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new RecordError('a record is longer than its telegram');
    this.#at += length;
    return bytes;
  }
}

/** The data records behind the header [EN 13757-3:2018, section 6]. Throws RecordError. */
export function parseRecords(bytes: Buffer): Records {
  const reader = new Reader(bytes);
  const records: MbusRecord[] = [];
  while (!reader.isAtEnd) {
    const dif = reader.byte();
    if (dif === FILLER) continue;
    if (dif === MANUFACTURER_DATA || dif === MORE_FOLLOWS) return { records, hasMore: dif === MORE_FOLLOWS };
    if ((dif & 0x0f) === 0x0f) throw new RecordError(`a record with the reserved DIF 0x${dif.toString(16)}`);
    const record = parseRecord(dif, reader);
    if (record !== undefined) records.push(record);
  }
  return { records, hasMore: false };
}

/** Undefined for a record whose quantity is the maker's own. */
function parseRecord(dif: number, reader: Reader): MbusRecord | undefined {
  let storage = (dif >> 6) & 1;
  let tariff = 0;
  let unit = 0;
  for (let byte = dif, i = 0; byte & EXTENSION; i++) {
    if (i === 10) throw new RecordError('a record with more than ten DIFE');
    byte = reader.byte();
    storage += (byte & 0x0f) * 2 ** (1 + 4 * i);
    tariff += ((byte >> 4) & 3) * 4 ** i;
    unit += ((byte >> 6) & 1) * 2 ** i;
  }
  const meaning = parseMeaning(reader);
  const field = dif & 0x0f;
  const length = LENGTHS[field];
  const value =
    field === VARIABLE_LENGTH
      ? variableValue(reader)
      : fixedValue(field, reader.take(length!), meaning?.quantity);
  if (meaning === undefined || field === 0 || field === 8) return undefined;
  const { quantity, suffix } = meaning;
  const name = [
    quantity.name,
    suffix,
    FUNCTIONS[(dif >> 4) & 3]!,
    storage > 0 ? `_s${storage}` : '',
    tariff > 0 ? `_t${tariff}` : '',
    unit > 0 ? `_u${unit}` : '',
  ].join('');
  const isNumber = typeof value === 'object';
  return {
    name,
    unit: isNumber ? quantity.unit : '',
    value: isNumber ? { ...value, exponent: value.exponent + quantity.exponent } : value,
  };
}

/** The value information block: VIF and up to ten VIFE [EN 13757-3:2018, 6.4]. Undefined where only the maker knows. */
function parseMeaning(reader: Reader): { quantity: Quantity; suffix: string } | undefined {
  const vif = reader.byte();
  let byte = vif;
  let quantity: Quantity | undefined;
  if (vif === 0xfd || vif === 0xfb) {
    byte = reader.byte();
    quantity = quantityOf(vif === 0xfd ? 'fd' : 'fb', byte & 0x7f);
  } else if ((vif & 0x7f) === 0x7c) {
    const name = textOf(reader.take(reader.byte()));
    quantity = { name, unit: '', exponent: 0, type: 'number' };
  } else quantity = quantityOf('primary', vif & 0x7f);
  let suffix = '';
  for (let i = 0; byte & EXTENSION; i++) {
    if (i === 10) throw new RecordError('a record with more than ten VIFE');
    byte = reader.byte();
    const code = byte & 0x7f;
    if (quantity === undefined) continue;
    if (code >= 0x70 && code <= 0x77) quantity = { ...quantity, exponent: quantity.exponent + code - 0x76 };
    else if (code === 0x7d) quantity = { ...quantity, exponent: quantity.exponent + 3 };
    else if (code === 0x3b) suffix += 'Forward';
    else if (code === 0x3c) suffix += 'Backward';
    // Any other changes what the value means: a name of its own, so that it is not taken for the plain quantity.
    else suffix += `_x${code.toString(16).padStart(2, '0')}`;
  }
  return quantity && { quantity, suffix };
}

function fixedValue(
  field: number,
  bytes: Buffer,
  quantity: Quantity | undefined,
): Decimal | string | undefined {
  if (quantity?.type === 'date') return dateOf(bytes);
  if (quantity?.type === 'time') return bytes.length === 2 ? dateOf(bytes) : timeOf(bytes);
  if (bytes.length === 0) return undefined;
  if (field === REAL) return realOf(bytes);
  return field >= BCD_FIRST ? bcdOf(bytes) : integerOf(bytes);
}

/** LVAR and what it announces [EN 13757-3:2018, table 5]. */
function variableValue(reader: Reader): Decimal | string | undefined {
  const length = reader.byte();
  if (length < 0xc0) return textOf(reader.take(length));
  if (length < 0xca) return bcdOf(reader.take(length - 0xc0));
  if (length >= 0xd0 && length < 0xda) {
    const magnitude = bcdOf(reader.take(length - 0xd0));
    return magnitude && { ...magnitude, digits: -magnitude.digits };
  }
  if (length >= 0xe0 && length < 0xf0) return { digits: patternOf(reader.take(length - 0xe0)), exponent: 0 };
  throw new RecordError(`a record of the reserved length 0x${length.toString(16)}`);
}

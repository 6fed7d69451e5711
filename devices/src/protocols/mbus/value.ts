import { type Decimal, decimal, decimalOf } from '../decimal.ts';

/** Data of a record [EN 13757-3:2018, 6.3 and annex A]; least significant byte first, all of them. */

/** Two's complement. */
export function integerOf(bytes: Buffer): Decimal {
  return decimal(BigInt.asIntN(bytes.length * 8, patternOf(bytes)));
}

export function patternOf(bytes: Buffer): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** A leading digit F means a minus. Undefined where another digit is none: the meter says that the value is not valid. */
export function bcdOf(bytes: Buffer): Decimal | undefined {
  const digits = Buffer.from(bytes).reverse().toString('hex');
  const match = /^(f?)(\d+)$/.exec(digits);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2]!);
  return decimal(match[1] === 'f' ? -magnitude : magnitude);
}

export function realOf(bytes: Buffer): Decimal | undefined {
  return decimalOf(bytes.readFloatLE(0), 'single');
}

/** ISO 8859-1, last character first. */
export function textOf(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString('latin1');
}

/** Type G: a day. Undefined where the meter says that it has none. */
export function dateOf(bytes: Buffer): string | undefined {
  return bytes.length === 2 ? dayOf(bytes[0]!, bytes[1]!) : undefined;
}

/** Types F (to the minute) and I (to the second), in the meter's own time; undefined where it says that it is not valid. */
export function timeOf(bytes: Buffer): string | undefined {
  const withSeconds = bytes.length === 6;
  if (!withSeconds && bytes.length !== 4) return undefined;
  const [minute, hour, low, high] = bytes.subarray(withSeconds ? 1 : 0) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const second = withSeconds ? bytes[0]! & 0x3f : 0;
  const isInvalid = (minute & 0x80) !== 0;
  const day = dayOf(low, high);
  if (isInvalid || day === undefined || (hour & 0x1f) > 23 || (minute & 0x3f) > 59 || second > 59)
    return undefined;
  const clock = [hour & 0x1f, minute & 0x3f, ...(withSeconds ? [second] : [])].map(twoDigits).join(':');
  return `${day}T${clock}`;
}

/** Five bits of the day, seven of the year, four of the month, in two bytes. */
function dayOf(low: number, high: number): string | undefined {
  const day = low & 0x1f;
  const month = high & 0x0f;
  const year = ((low & 0xe0) >> 5) | ((high & 0xf0) >> 1);
  if (day === 0 || month === 0 || month > 12 || year > 99) return undefined;
  return `20${twoDigits(year)}-${twoDigits(month)}-${twoDigits(day)}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

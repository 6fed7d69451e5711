/** An exact decimal number, digits × 10^exponent: what instruments send, and what JSON can say without a binary fraction in between. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** Beyond this many zeros a number is written with an exponent. */
const PLAIN_ZEROS_MAX = 20;
const EXPONENT_MAX = 400;

export function decimal(digits: bigint | number, exponent = 0): Decimal {
  return { digits: BigInt(digits), exponent };
}

/** Parses `-12.50`, `+7`, `.5`, `1e-7`; undefined for anything else. Trailing zeros are kept: they tell the resolution. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const magnitude = BigInt(whole + fraction);
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > EXPONENT_MAX) return undefined;
  return { digits: sign === '-' ? -magnitude : magnitude, exponent };
}

/** The shortest decimal that is this number as a double, or with `single` as an IEEE 754 single; undefined for NaN and infinities. */
export function decimalOf(value: number, precision: 'single' | 'double' = 'double'): Decimal | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (precision === 'double') return parseDecimal(String(value));
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return parseDecimal(text);
  }
  return parseDecimal(value.toPrecision(9));
}

/** value × scale + offset, exactly. */
export function scaled(value: Decimal, scale: Decimal, offset: Decimal): Decimal {
  const product = { digits: value.digits * scale.digits, exponent: value.exponent + scale.exponent };
  if (offset.digits === 0n) return product;
  const exponent = Math.min(product.exponent, offset.exponent);
  return { digits: widened(product, exponent) + widened(offset, exponent), exponent };
}

/** The digits of the value as a multiple of 10^exponent, which must not be above its own. */
function widened({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

/** As a JSON number. */
export function decimalText({ digits, exponent }: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits);
  if (exponent === 0 || (digits === 0n && exponent > 0)) return sign + text;
  if (exponent > 0) {
    return exponent > PLAIN_ZEROS_MAX ? `${sign}${text}e${exponent}` : sign + text + '0'.repeat(exponent);
  }
  if (-exponent - text.length > PLAIN_ZEROS_MAX) return `${sign}${text}e${exponent}`;
  const padded = text.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/** What a value information block means: a quantity, in its base unit times 10^exponent. */
export interface Quantity {
  name: string;
  unit: string;
  exponent: number;
  /** `date`: type G; `time`: type F or I; else a number or a text, by the record's data field. */
  type: 'number' | 'date' | 'time';
}

interface Range {
  /** Codes `from` to `to`, without the extension bit. */
  from: number;
  to: number;
  name: string;
  unit: string;
  /** Exponent of the first code; it rises by one per code. Left out for what is no power of ten. */
  exponent?: number;
  units?: readonly string[];
  type?: Quantity['type'];
}

const DURATIONS = ['s', 'min', 'h', 'd'] as const;

/** [EN 13757-3:2018, table 10] */
const PRIMARY: readonly Range[] = [
  { from: 0x00, to: 0x07, name: 'energy', unit: 'Wh', exponent: -3 },
  { from: 0x08, to: 0x0f, name: 'energy', unit: 'J', exponent: 0 },
  { from: 0x10, to: 0x17, name: 'volume', unit: 'm³', exponent: -6 },
  { from: 0x18, to: 0x1f, name: 'mass', unit: 'kg', exponent: -3 },
  { from: 0x20, to: 0x23, name: 'onTime', unit: '', units: DURATIONS },
  { from: 0x24, to: 0x27, name: 'operatingTime', unit: '', units: DURATIONS },
  { from: 0x28, to: 0x2f, name: 'power', unit: 'W', exponent: -3 },
  { from: 0x30, to: 0x37, name: 'power', unit: 'J/h', exponent: 0 },
  { from: 0x38, to: 0x3f, name: 'volumeFlow', unit: 'm³/h', exponent: -6 },
  { from: 0x40, to: 0x47, name: 'volumeFlow', unit: 'm³/min', exponent: -7 },
  { from: 0x48, to: 0x4f, name: 'volumeFlow', unit: 'm³/s', exponent: -9 },
  { from: 0x50, to: 0x57, name: 'massFlow', unit: 'kg/h', exponent: -3 },
  { from: 0x58, to: 0x5b, name: 'flowTemperature', unit: '°C', exponent: -3 },
  { from: 0x5c, to: 0x5f, name: 'returnTemperature', unit: '°C', exponent: -3 },
  { from: 0x60, to: 0x63, name: 'temperatureDifference', unit: 'K', exponent: -3 },
  { from: 0x64, to: 0x67, name: 'externalTemperature', unit: '°C', exponent: -3 },
  { from: 0x68, to: 0x6b, name: 'pressure', unit: 'bar', exponent: -3 },
  { from: 0x6c, to: 0x6c, name: 'date', unit: '', type: 'date' },
  { from: 0x6d, to: 0x6d, name: 'time', unit: '', type: 'time' },
  { from: 0x6e, to: 0x6e, name: 'heatCostUnits', unit: '' },
  { from: 0x70, to: 0x73, name: 'averagingTime', unit: '', units: DURATIONS },
  { from: 0x74, to: 0x77, name: 'actualityTime', unit: '', units: DURATIONS },
  { from: 0x78, to: 0x78, name: 'fabricationNumber', unit: '' },
  { from: 0x79, to: 0x79, name: 'enhancedIdentification', unit: '' },
  { from: 0x7a, to: 0x7a, name: 'busAddress', unit: '' },
];

/** After 0xFD [EN 13757-3:2018, table 14] */
const AFTER_FD: readonly Range[] = [
  { from: 0x08, to: 0x08, name: 'accessNumber', unit: '' },
  { from: 0x09, to: 0x09, name: 'medium', unit: '' },
  { from: 0x0a, to: 0x0a, name: 'manufacturerCode', unit: '' },
  { from: 0x0b, to: 0x0b, name: 'parameterSet', unit: '' },
  { from: 0x0c, to: 0x0c, name: 'model', unit: '' },
  { from: 0x0d, to: 0x0d, name: 'hardwareVersion', unit: '' },
  { from: 0x0e, to: 0x0e, name: 'firmwareVersion', unit: '' },
  { from: 0x0f, to: 0x0f, name: 'softwareVersion', unit: '' },
  { from: 0x10, to: 0x10, name: 'customerLocation', unit: '' },
  { from: 0x11, to: 0x11, name: 'customer', unit: '' },
  { from: 0x17, to: 0x17, name: 'errorFlags', unit: '' },
  { from: 0x1a, to: 0x1a, name: 'digitalOutput', unit: '' },
  { from: 0x1b, to: 0x1b, name: 'digitalInput', unit: '' },
  { from: 0x3a, to: 0x3a, name: 'count', unit: '' },
  { from: 0x40, to: 0x4f, name: 'voltage', unit: 'V', exponent: -9 },
  { from: 0x50, to: 0x5f, name: 'current', unit: 'A', exponent: -12 },
  { from: 0x60, to: 0x60, name: 'resetCounter', unit: '' },
  { from: 0x61, to: 0x61, name: 'cumulationCounter', unit: '' },
];

/** After 0xFB [EN 13757-3:2018, table 12], in the base units of the primary table. */
const AFTER_FB: readonly Range[] = [
  { from: 0x00, to: 0x01, name: 'energy', unit: 'Wh', exponent: 5 },
  { from: 0x08, to: 0x09, name: 'energy', unit: 'J', exponent: 8 },
  { from: 0x10, to: 0x11, name: 'volume', unit: 'm³', exponent: 2 },
  { from: 0x18, to: 0x19, name: 'mass', unit: 'kg', exponent: 5 },
  { from: 0x1a, to: 0x1b, name: 'humidity', unit: '%', exponent: -1 },
  { from: 0x28, to: 0x29, name: 'power', unit: 'W', exponent: 5 },
  { from: 0x30, to: 0x31, name: 'power', unit: 'J/h', exponent: 8 },
];

const TABLES = { primary: PRIMARY, fd: AFTER_FD, fb: AFTER_FB } as const;

/** Undefined for codes that are reserved, or mean what no table here says. */
export function quantityOf(table: keyof typeof TABLES, code: number): Quantity | undefined {
  const range = TABLES[table].find(({ from, to }) => code >= from && code <= to);
  if (range === undefined) return undefined;
  const step = code - range.from;
  return {
    name: range.name,
    unit: range.units?.[step] ?? range.unit,
    exponent: range.exponent === undefined ? 0 : range.exponent + step,
    type: range.type ?? 'number',
  };
}

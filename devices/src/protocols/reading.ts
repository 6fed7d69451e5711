import type { DeviceReading } from '../profiles/decoder.ts';
import { type Decimal, decimalText } from './decimal.ts';

/** What a named value may be; rendered as JSON with its decimals exact. */
export type Value = Decimal | string | boolean | readonly Value[] | ReadonlyMap<string, Value>;
export type Values = ReadonlyMap<string, Value>;

/** JSON of the values, in their order. */
function renderValues(values: Values): string {
  return render(values);
}

function render(value: Value): string {
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (isMap(value)) {
    return `{${[...value].map(([name, item]) => `${JSON.stringify(name)}:${render(item)}`).join(',')}}`;
  }
  if (isList(value)) return `[${value.map(render).join(',')}]`;
  return decimalText(value);
}
const isMap = (value: Value): value is ReadonlyMap<string, Value> => value instanceof Map;
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

/** Makes the readings of one profile; headers are shared as long as the units stay the same. */
export class ReadingMaker {
  readonly #profile: readonly [string, Buffer];
  #unitsText = '';
  #headers: DeviceReading['headers'];

  constructor(profile: string) {
    this.#profile = ['edgelog.profile', Buffer.from(profile)];
    this.#headers = [this.#profile];
  }

  /** `units` by name of the value; `edgelog.units` holds only those of values that are there. */
  make(device: string, values: Values, units: ReadonlyMap<string, string>): DeviceReading {
    const present = [...units].filter(([name, unit]) => unit !== '' && values.has(name));
    const text = present.length === 0 ? '' : JSON.stringify(Object.fromEntries(present));
    if (text !== this.#unitsText) {
      this.#unitsText = text;
      this.#headers = text === '' ? [this.#profile] : [this.#profile, ['edgelog.units', Buffer.from(text)]];
    }
    return { device, value: Buffer.from(renderValues(values)), headers: this.#headers };
  }
}

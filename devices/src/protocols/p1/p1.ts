import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { parseDecimal } from '../decimal.ts';
import { type DataSet, parseDataLines } from '../obis/data-lines.ts';
import { type ObisEntry, obisTime, obisValue } from '../obis/obis-value.ts';
import { ReadingMaker, type Value } from '../reading.ts';
import { isPrintable } from '../text-listener.ts';
import { TelegramFramer } from './telegram.ts';

/** A meter that reports through the electricity meter, found by its M-Bus device type [DSMR P1 5.0.2, 6.12; types: EN 13757-3]. */
export interface SubMeter {
  /** 3 gas, 4 heat, 6 warm water, 7 water, 12 cooling, … */
  deviceType: number;
  name: string;
  unit: string;
}

export interface P1Options {
  profile: string;
  line: LineSettings;
  hasCrc: boolean;
  values: readonly ObisEntry[];
  subMeters: readonly SubMeter[];
}

/** DSMR 4 and 5; Belgium has .3 for gas; 24.3.0 is DSMR 2.2 and 3. */
const SUB_METER_VALUE = /^0-([1-9]):24\.(?:2\.1|2\.3|3\.0)$/;

/** The time of a sub-meter that is known to the meter and was never read, or is gone. */
const NEVER_READ = /^700101/;
/** Behind the names of sub-meters of one kind; there are nine channels at most. */
const NTH = ['', ...Array.from({ length: 8 }, (_, i) => `_${i + 2}`)];

/**
 * Smart meter with a P1 port [DSMR P1 companion standard 5.0.2; 4.2, 3.0 and 2.2 differ in CRC, time stamps and the
 * gas value], listening. A telegram is one reading; codes the profile does not name are left out. Each sub-meter gives its value and,
 * as `…Time`, when that was measured. A second one of its kind, as stands there for ever once a meter was replaced, is `…_2`.
 */
export class P1Listener implements LineProtocol {
  readonly line: LineSettings;
  readonly #options: P1Options;
  readonly #readings: ReadingMaker;
  readonly #units: ReadonlyMap<string, string>;
  #io: LineIo | undefined;
  #framer: TelegramFramer | undefined;

  constructor(options: P1Options) {
    this.#options = options;
    this.line = options.line;
    this.#readings = new ReadingMaker(options.profile);
    this.#units = new Map([
      ...options.values.map(({ name, unit }) => [name, unit] as const),
      ...options.subMeters.flatMap(({ name, unit }) => NTH.map((nth) => [name + nth, unit] as const)),
    ]);
  }

  start(io: LineIo): void {
    this.#io = io;
    this.#framer = new TelegramFramer(this.#options.hasCrc, {
      telegram: (lines) => this.#take(lines),
      bad: (kind, detail) => io.fault(kind, detail),
    });
  }

  bytes(chunk: Buffer): void {
    this.#framer?.push(chunk);
  }

  stop(): void {
    this.#io = undefined;
    this.#framer = undefined;
  }

  #take([identification = '', ...lines]: readonly string[]): void {
    const io = this.#io!;
    const sets = [identification, ...lines].every(isPrintable) ? parseDataLines(lines) : undefined;
    if (sets === undefined) {
      io.fault('framing', 'a telegram with lines that are no data');
      return;
    }
    const values = new Map<string, Value>([['meter', identification.slice(1)]]);
    const byCode = new Map(sets.map((set) => [set.code, set]));
    for (const entry of this.#options.values) {
      const set = byCode.get(entry.obis);
      const { value, problem } = set === undefined ? {} : obisValue(entry, set);
      if (problem !== undefined) io.fault('content', problem);
      if (value !== undefined) values.set(entry.name, value);
    }
    for (const set of sets) {
      const problem = this.#takeSubMeter(set, byCode, values);
      if (problem !== undefined) io.fault('content', problem);
    }
    if (values.size > 1) io.emit(this.#readings.make('', values, this.#units));
    else io.fault('content', `a telegram of ${identification} without any value of the profile`);
  }

  /** Groups are `(time)(value*unit)`, in DSMR 2.2 and 3 `(time)(…)(…)(…)(code)(unit)(value)`. Returns what was wrong. */
  #takeSubMeter(
    { code, groups }: DataSet,
    byCode: ReadonlyMap<string, DataSet>,
    values: Map<string, Value>,
  ): string | undefined {
    const channel = SUB_METER_VALUE.exec(code)?.[1];
    if (channel === undefined) return undefined;
    const type = byCode.get(`0-${channel}:24.1.0`)?.groups[0] ?? '';
    const meter = this.#options.subMeters.find(({ deviceType }) => deviceType === Number(type));
    if (meter === undefined) return undefined;
    const last = groups.at(-1) ?? '';
    if (last === '' || NEVER_READ.test(groups[0]!)) return undefined;
    const [digits = '', unit = ''] = groups.length > 2 ? [last, groups.at(-2)] : last.split('*', 2);
    const value = parseDecimal(digits);
    const time = obisTime(groups[0] ?? '');
    if (value === undefined || unit !== meter.unit || time === undefined)
      return `${code} is ${groups.map((group) => `(${group})`).join('')}`;
    const nth = NTH.find((one) => !values.has(meter.name + one)) ?? '';
    values.set(`${meter.name}${nth}`, value);
    values.set(`${meter.name}${nth}Time`, time);
    return undefined;
  }
}

import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { ReadingMaker, type Value } from '../reading.ts';
import { TextListener } from '../text-listener.ts';
import { FieldError, type Fields, number } from './fields.ts';
import { MultiPart } from './multi-part.ts';
import { parseSentence, type Sentence } from './sentence.ts';
import { SENTENCES } from './sentences.ts';

export interface NmeaOptions {
  profile: string;
  line: LineSettings;
  /** Types that become readings; empty for all. */
  sentences: readonly string[];
  isChecksumOptional: boolean;
}

/** The standard says 82 characters; receivers of today send more, and tag blocks come on top. */
const LINE_BYTES_MAX = 512;

const UNITS = new Map(
  Object.entries(SENTENCES).map(([type, fields]) => [
    type,
    new Map(fields.map(({ name, unit }) => [name, unit])),
  ]),
);
const NO_UNITS: ReadonlyMap<string, string> = new Map();

/**
 * NMEA 0183 listener [NMEA 0183 version 4.11]: every sentence is a reading `{"type": "RMC", "talker": "GP", …}`. Sentences
 * that are not known have their `fields` as texts. Positions are decimal degrees, north and east positive; RMC and ZDA
 * have their full UTC time as `time`. Empty fields are left out.
 */
export function nmeaListener(options: NmeaOptions): LineProtocol {
  const readings = new ReadingMaker(options.profile);
  const multiPart = new MultiPart();
  const wanted = new Set(options.sentences);
  const take = (line: string, io: LineIo) => {
    const parsed = parseSentence(line, options.isChecksumOptional);
    if (parsed.kind !== 'sentence') return io.fault(parsed.kind, parsed.detail);
    const { sentence } = parsed;
    if (wanted.size > 0 && !wanted.has(sentence.type)) return io.leftOut();
    try {
      const grouped = multiPart.take(sentence);
      if (grouped.kind === 'broken') io.fault('framing', grouped.detail);
      if (grouped.kind === 'broken' || grouped.kind === 'waiting') return;
      const fields = grouped.kind === 'message' ? grouped.fields : decodeFields(sentence);
      const values = new Map<string, Value>([
        ['type', sentence.type],
        ['talker', sentence.talker],
        ...fields,
      ]);
      io.emit(readings.make('', values, UNITS.get(sentence.type) ?? NO_UNITS));
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      io.fault('content', `${sentence.talker}${sentence.type}: ${error.message}`);
    }
  };
  return new TextListener({
    line: options.line,
    maxBytes: LINE_BYTES_MAX,
    take,
    reset: () => multiPart.reset(),
  });
}

function decodeFields({ type, talker, fields }: Sentence): Fields {
  if (type === 'XDR' && talker !== 'P') return transducers(fields);
  const specs = talker === 'P' || !Object.hasOwn(SENTENCES, type) ? undefined : SENTENCES[type];
  if (specs === undefined) return new Map([['fields', fields]]);
  const values: Fields = new Map();
  let at = 0;
  for (const { name, kind } of specs) {
    kind.read(name, fields.slice(at, at + kind.width), values);
    at += kind.width;
  }
  joinDateAndTime(values);
  return values;
}

/** RMC has time and date, ZDA time, day, month, year: both become one time stamp. */
function joinDateAndTime(values: Fields): void {
  const { time, date } = { time: values.get('time'), date: values.get('date') };
  if (typeof time === 'string' && typeof date === 'string') {
    values.set('time', `${date}T${time}Z`);
    values.delete('date');
  }
  const [year, month, day] = ['year', 'month', 'day'].map((name) => wholeNumber(values.get(name)));
  if (typeof time === 'string' && year !== undefined && month !== undefined && day !== undefined) {
    values.set('time', `${year.padStart(4, '0')}-${month.padStart(2, '0')}-${day.padStart(2, '0')}T${time}Z`);
    for (const name of ['year', 'month', 'day']) values.delete(name);
  }
}

function wholeNumber(value: Value | undefined): string | undefined {
  return typeof value === 'object' && 'digits' in value && value.exponent === 0
    ? String(value.digits)
    : undefined;
}

/** XDR: type, value, unit, name of each transducer; by name. */
function transducers(fields: readonly string[]): Fields {
  const all: Fields = new Map();
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [kind = '', value = '', unit = '', name = ''] = fields.slice(at, at + 4);
    if (value === '') continue;
    const transducer: Fields = new Map([['kind', kind]]);
    number.read('value', [value], transducer);
    transducer.set('unit', unit);
    all.set(name === '' ? String(at / 4 + 1) : name, transducer);
  }
  return new Map([['transducers', all]]);
}

import type { LineIo, LineProtocol, LineSettings } from '../../profiles/decoder.ts';
import { type Decimal, parseDecimal, scaled } from '../decimal.ts';
import { ReadingMaker, type Value } from '../reading.ts';
import { isPrintable, TextListener } from '../text-listener.ts';
import { Template } from './template.ts';

export interface AsciiField {
  name: string;
  type: 'number' | 'text';
  scale: Decimal;
  offset: Decimal;
  unit: string;
  /** Texts by which the instrument says that it has no value, e.g. `85000` of a DS18B20 that was just switched on. */
  absent: readonly string[];
}

/** How a line is taken apart. */
export type AsciiFormat =
  /** Texts and fields: see Template. A field called `device` names the reading's device. */
  | { kind: 'template'; templates: readonly string[] }
  /** Columns in order; an empty name passes one over. */
  | { kind: 'csv'; separator: string; columns: readonly string[] }
  /** `name=value unit`, several with a separator between them; names and units as they come, unless `fields` has the name. */
  | { kind: 'pairs'; separator: string };

export interface AsciiOptions {
  profile: string;
  line: LineSettings;
  format: AsciiFormat;
  fields: readonly AsciiField[];
  maxBytes: number;
  /** Lines that begin so are passed over: comments, headings. */
  ignore: readonly string[];
}

/** `temperature=21.5 C`, `rh: 40 %` */
const PAIR = /^\s*([A-Za-z][A-Za-z0-9_.-]{0,63})\s*[=:]\s*([^\s]+)\s*(\S{0,16})\s*$/;

interface Parsed {
  device: string;
  values: Map<string, Value>;
  units: Map<string, string>;
}

/**
 * Instruments that send lines of ASCII: 1-wire bridges (`28-0316a2794cff t=23125`), `name=value unit` lines, columns. No standard
 * and no checksum: so a line must be printable and be in every field what the profile says, or it is dropped whole.
 */
export function asciiListener(options: AsciiOptions): LineProtocol {
  const readings = new ReadingMaker(options.profile);
  const parse = parserOf(options);
  return new TextListener({
    line: options.line,
    maxBytes: options.maxBytes,
    take(text: string, io: LineIo) {
      if (!isPrintable(text)) return io.fault('framing', 'a line with bytes that are no text');
      const line = text.trim();
      if (line === '') return;
      if (options.ignore.some((start) => line.startsWith(start))) return io.leftOut();
      const parsed = parse(line);
      if (typeof parsed === 'string') io.fault('content', `${parsed}: ${JSON.stringify(line.slice(0, 80))}`);
      else if (parsed.values.size === 0) io.leftOut();
      else io.emit(readings.make(parsed.device, parsed.values, parsed.units));
    },
  });
}

/** The result of the parser is what a line held, or what was wrong with it. */
function parserOf({ format, fields }: AsciiOptions): (line: string) => Parsed | string {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const units = new Map(fields.map(({ name, unit }) => [name, unit]));
  const convert = (texts: ReadonlyMap<string, string>): Parsed | string => {
    const values = new Map<string, Value>();
    for (const [name, text] of texts) {
      const field = byName.get(name);
      if (field === undefined || text === '' || field.absent.includes(text)) continue;
      const value = fieldValue(field, text.trim());
      if (value === undefined) return `${name} is not a number`;
      values.set(name, value);
    }
    return { device: texts.get('device') ?? '', values, units };
  };
  switch (format.kind) {
    case 'template': {
      const templates = format.templates.map((template) => new Template(template));
      return (line) => {
        for (const template of templates) {
          const texts = template.match(line);
          if (texts !== undefined) return convert(texts);
        }
        return 'no template fits the line';
      };
    }
    case 'csv':
      return (line) => {
        const cells = line.split(format.separator);
        if (cells.length !== format.columns.length) return `${cells.length} columns`;
        return convert(
          new Map(format.columns.flatMap((name, i) => (name === '' ? [] : [[name, cells[i]!.trim()]]))),
        );
      };
    case 'pairs':
      return (line) => pairsOf(line.split(format.separator), byName);
  }
}

function pairsOf(parts: readonly string[], byName: ReadonlyMap<string, AsciiField>): Parsed | string {
  const values = new Map<string, Value>();
  const units = new Map<string, string>();
  for (const part of parts) {
    if (part.trim() === '') continue;
    const [, name, text = '', unit = ''] = PAIR.exec(part) ?? [];
    if (name === undefined) return 'no "name=value unit"';
    const field = byName.get(name);
    if (field?.absent.includes(text)) continue;
    if (field !== undefined && field.unit !== '' && unit !== '' && unit !== field.unit)
      return `${name} is in ${unit}`;
    const value = field === undefined ? (parseDecimal(text) ?? text) : fieldValue(field, text);
    if (value === undefined) return `${name} is not a number`;
    values.set(name, value);
    units.set(name, field?.unit || unit);
  }
  return { device: '', values, units };
}

function fieldValue({ type, scale, offset }: AsciiField, text: string): Value | undefined {
  if (type === 'text') return text;
  const number = parseDecimal(text);
  return number && scaled(number, scale, offset);
}

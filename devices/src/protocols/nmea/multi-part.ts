import { decimal, parseDecimal } from '../decimal.ts';
import type { Value } from '../reading.ts';
import { FieldError, type Fields } from './fields.ts';
import type { Sentence } from './sentence.ts';

/** Sentences of one message at most [NMEA 0183 4.11: one digit]. */
const PARTS_MAX = 9;

/** Types that come in several parts: which fields tell total and number of the part, and what else must be equal. */
const GROUPED = {
  GSV: { total: 0, part: 1, same: [2] },
  VDM: { total: 0, part: 1, same: [2, 3] },
  VDO: { total: 0, part: 1, same: [2, 3] },
} as const;

export type Grouped =
  | { kind: 'message'; fields: Fields }
  | { kind: 'waiting' }
  /** A part is missing; what came of the message was dropped. */
  | { kind: 'broken'; detail: string }
  | { kind: 'single' };

/** Puts messages together that are spread over several sentences: satellites in view (GSV), AIS (VDM, VDO). */
export class MultiPart {
  readonly #open = new Map<string, Sentence[]>();

  reset(): void {
    this.#open.clear();
  }

  take(sentence: Sentence): Grouped {
    const layout = isGrouped(sentence.type) ? GROUPED[sentence.type] : undefined;
    if (layout === undefined) return { kind: 'single' };
    const total = Number(sentence.fields[layout.total]);
    const part = Number(sentence.fields[layout.part]);
    const id = `${sentence.talker}${sentence.type}`;
    const before = this.#open.get(id) ?? [];
    this.#open.delete(id);
    if (!(Number.isInteger(total) && total >= 1 && total <= PARTS_MAX && part >= 1 && part <= total)) {
      throw new FieldError(`part ${sentence.fields[layout.part]} of ${sentence.fields[layout.total]}`);
    }
    const first = before[0] ?? sentence;
    const continues =
      before.length === part - 1 &&
      [layout.total, ...layout.same].every((field) => first.fields[field] === sentence.fields[field]);
    if (!continues && part > 1) return { kind: 'broken', detail: `${id}: part ${part} of ${total} alone` };
    const parts = part === 1 ? [sentence] : [...before, sentence];
    if (part === total) {
      return { kind: 'message', fields: sentence.type === 'GSV' ? satellites(parts) : encapsulated(parts) };
    }
    this.#open.set(id, parts);
    return part === 1 && before.length > 0
      ? { kind: 'broken', detail: `${id}: ${before.length} parts of a message without its end` }
      : { kind: 'waiting' };
  }
}

function isGrouped(type: string): type is keyof typeof GROUPED {
  return Object.hasOwn(GROUPED, type);
}

const SATELLITE = ['prn', 'elevation', 'azimuth', 'snr'] as const;

function satellites(parts: readonly Sentence[]): Fields {
  const list: Value[] = [];
  for (const { fields } of parts) {
    for (let at = 3; at + 3 < fields.length; at += 4) {
      const satellite = new Map<string, Value>();
      SATELLITE.forEach((name, i) => {
        const text = fields[at + i]!;
        if (text === '') return;
        const value = parseDecimal(text);
        if (value === undefined) throw new FieldError(`${name} is ${JSON.stringify(text)}`);
        satellite.set(name, value);
      });
      if (satellite.size > 0) list.push(satellite);
    }
  }
  const inView = parseDecimal(parts[0]!.fields[2] ?? '') ?? decimal(list.length);
  return new Map<string, Value>([
    ['satellitesInView', inView],
    ['satellites', list],
  ]);
}

/** Payload of AIS, six bits per character, as received [ITU-R M.1371; IEC 61993-2]. */
function encapsulated(parts: readonly Sentence[]): Fields {
  const payload = parts.map(({ fields }) => fields[4] ?? '').join('');
  const fill = parseDecimal(parts.at(-1)!.fields[5] ?? '');
  if (payload === '' || fill === undefined) throw new FieldError('no payload');
  const channel = parts[0]!.fields[3] ?? '';
  return new Map<string, Value>([
    ...(channel === '' ? [] : [['channel', channel] as const]),
    ['payload', payload],
    ['fillBits', fill],
  ]);
}

import { EdgelogError } from '@edgelog/base';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MINUTES = 24 * 60;
/** A week, and a day for a change of the clocks in it. */
const LOOK_AHEAD_MS = 8 * 24 * HOUR_MS;
const WINDOW = /^(?:([A-Z][a-z]{2}(?:[-,][A-Z][a-z]{2})*) )?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/;

/** Minutes of the local day; `to` at or before `from` is on the next day. */
interface Window {
  /** On which it begins, 0: Sunday. */
  days: ReadonlySet<number>;
  from: number;
  to: number;
}

/** When the uplink may be used, by the local clock of a time zone. Pure but for the zone's rules. */
export class UploadWindows {
  readonly #windows: readonly Window[];
  readonly #format: Intl.DateTimeFormat;

  /**
   * `texts`: `22:00-06:00`, `Mon-Fri 22:00-06:00`, `Sat,Sun 00:00-24:00`; a window past midnight belongs to the day on which it begins.
   * `zone`: such as `Europe/Berlin`; default that of the system. Throws CONFIG_INVALID.
   */
  constructor(texts: readonly string[], zone?: string) {
    this.#windows = texts.map(parseWindow);
    const fields = {
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    } as const;
    try {
      this.#format = new Intl.DateTimeFormat('en-US', { ...fields, hourCycle: 'h23', timeZone: zone });
    } catch {
      throw new EdgelogError(
        'CONFIG_INVALID',
        `upload windows: "${zone}" is no time zone, expected one such as Europe/Berlin`,
      );
    }
  }

  /** Open while the local clock shows a time within a window: an hour that the clocks skip is missing, one that comes twice counts twice. */
  isOpen(now: number): boolean {
    return this.#isOpenAt(now + this.#offsetMs(now));
  }

  /** When that changes, ms; undefined where it does not within a week. */
  changesAt(now: number): number | undefined {
    const isOpen = this.isOpen(now);
    const end = now + LOOK_AHEAD_MS;
    const firstMinute = Math.floor(now / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
    let [hour, offset, isSteady] = [Number.NaN, 0, false];
    for (let at = firstMinute; at <= end; at += MINUTE_MS) {
      if (Math.floor(at / HOUR_MS) !== hour) {
        hour = Math.floor(at / HOUR_MS);
        offset = this.#offsetMs(hour * HOUR_MS);
        isSteady = offset === this.#offsetMs((hour + 1) * HOUR_MS - MINUTE_MS);
      }
      if (this.#isOpenAt(at + (isSteady ? offset : this.#offsetMs(at))) !== isOpen) return at;
    }
    return undefined;
  }

  /** `localMs`: what the local clock shows, as if it were UTC. */
  #isOpenAt(localMs: number): boolean {
    const local = new Date(localMs);
    const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
    const day = local.getUTCDay();
    const dayBefore = (day + 6) % 7;
    return this.#windows.some(({ days, from, to }) =>
      from < to
        ? days.has(day) && minute >= from && minute < to
        : (days.has(day) && minute >= from) || (days.has(dayBefore) && minute < to),
    );
  }

  #offsetMs(at: number): number {
    const minuteMs = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const parts = Object.fromEntries(
      this.#format.formatToParts(minuteMs).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute) - minuteMs;
  }
}

function parseWindow(text: string): Window {
  const match = WINDOW.exec(text);
  const [from, to] = [minuteOf(match?.[2], match?.[3]), minuteOf(match?.[4], match?.[5])];
  const days = daysOf(match?.[1]);
  if (
    match === null ||
    from === undefined ||
    from === DAY_MINUTES ||
    to === undefined ||
    days === undefined
  ) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `upload window "${text}": expected [DAYS ]HH:MM-HH:MM, as in "Mon-Fri 22:00-06:00" or "Sat,Sun 00:00-24:00"`,
    );
  }
  return { days, from, to };
}

function minuteOf(hours = '', minutes = ''): number | undefined {
  const minute = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && minute <= DAY_MINUTES ? minute : undefined;
}

function daysOf(text = 'Mon-Sun'): ReadonlySet<number> | undefined {
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const [first = '', last = first, ...more] = part.split('-');
    const [from, to] = [DAYS.indexOf(first), DAYS.indexOf(last)];
    if (from < 0 || to < 0 || more.length > 0) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === to) break;
    }
  }
  return days;
}

const ISO =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,12}))?)?(?: ?(Z|[+-]\d\d(?::?\d\d)?))?)?$/i;
const MINUTE_MS = 60_000;

/**
 * ms since 1970 of an ISO 8601 date or time, to the millisecond: `2026-01-31T12:00:00.5+01:00`, `20260131T120000Z`,
 * `2026-01-31 12:00`. Without a zone it is UTC, on whatever gateway. Undefined for anything else: `Date.parse` finds a time in
 * `room 7`, and the 2nd of March in the 30th of February.
 */
export function isoTime(text: string): number | undefined {
  const found = ISO.exec(text.trim());
  if (found === null) return undefined;
  const [year, month, day, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => part && Number(part)) as [number, number, number, number?, number?, number?];
  const isDay =
    month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
  // 60 is a leap second; 24:00 the end of the day.
  const isTime =
    minute <= 59 && second <= 60 && (hour <= 23 || (hour === 24 && minute === 0 && second === 0));
  if (!isDay || !isTime) return undefined;
  const fractionMs = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3));
  const offset = offsetMinutes(found[8] ?? 'Z');
  if (offset === undefined) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second, fractionMs) - offset * MINUTE_MS;
}

function offsetMinutes(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

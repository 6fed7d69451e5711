import type { RefusalCode } from '@edgelog/sync';

export const REFUSED_ALARM = 'refused by the hub';

/** What an operator is to do about a hub that wants no session with this gateway. */
export function refusalAdvice(
  gateway: string,
  { code, message }: { code: RefusalCode; message: string },
): string {
  const said = `${code}: ${message}`;
  if (code !== 'duplicate-instance') {
    return `the hub refuses this gateway (${said}); readings are kept here, and it is asked again every minute or two`;
  }
  return (
    `another gateway is live under the name ${gateway} (${said}); this one stays away and keeps its readings. ` +
    'Give one of the two another name (--gateway); if its data directory or card was copied, give the copy an empty --data-dir as well'
  );
}

import type { RefusalCode } from '@edgelog/sync';

export const REFUSED_ALARM = 'refused by the hub';

/** What an operator is to do about a hub that wants no session with this gateway, or about the Kafka cluster at `kafkaUrl`. */
export function refusalAdvice(
  gateway: string,
  { code, message }: { code: RefusalCode; message: string },
  kafkaUrl?: string,
): string {
  const said = `${code}: ${message}`;
  if (kafkaUrl !== undefined) {
    return (
      `the Kafka cluster at ${kafkaUrl} does not let this gateway in (${message}); readings are kept here, and it is asked again every minute or two. ` +
      `edgelog doctor --hub ${kafkaUrl}, with the same --kafka- settings, says what to change`
    );
  }
  if (code !== 'duplicate-instance') {
    return `the hub refuses this gateway (${said}); readings are kept here, and it is asked again every minute or two`;
  }
  return (
    `another gateway is live under the name ${gateway} (${said}); this one stays away and keeps its readings. ` +
    'Give one of the two another name (--gateway); if its data directory or card was copied, give the copy an empty --data-dir as well'
  );
}

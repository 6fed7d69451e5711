import type { ConsumedRecord } from './kcat.ts';
import type { MqttLoad } from './mqtt-load.ts';

/** `<client>:<sequence>`: what the crash tests publish, so that a reader can tell every message apart. */
export const labelled = (clientId: string) => (sequence: number) => Buffer.from(`${clientId}:${sequence}`);

/**
 * Throws unless every acknowledged message of every load is among `records`, each message at most once, each
 * client's in the order it sent them, and the offsets of each partition dense.
 */
export function checkDelivery(
  records: readonly ConsumedRecord[],
  loads: readonly { clientId: string; load: MqttLoad }[],
): void {
  const problems: string[] = [];
  const seen = new Map<string, Set<number>>();
  const last = new Map<string, number>();
  const nextOffset = new Map<number, number>();
  for (const { partition, offset, value } of records) {
    const expected = nextOffset.get(partition) ?? 0;
    if (offset !== expected)
      problems.push(`partition ${partition}: offset ${offset} where ${expected} should be`);
    nextOffset.set(partition, offset + 1);
    const [client, number] = value.split(':') as [string, string];
    const sequence = Number(number);
    const set = seen.get(client) ?? new Set();
    seen.set(client, set);
    if (set.has(sequence)) problems.push(`${value} twice, again at offset ${offset}`);
    if (sequence < (last.get(client) ?? -1)) problems.push(`${value} after ${client}:${last.get(client)}`);
    set.add(sequence);
    last.set(client, sequence);
  }
  for (const { clientId, load } of loads) {
    const got = seen.get(clientId) ?? new Set();
    const lost = load.acked.filter((sequence) => !got.has(sequence));
    if (lost.length > 0) problems.push(`${clientId}: ${lost.length} acknowledged and lost, first ${lost[0]}`);
  }
  if (problems.length > 0) throw new Error(`delivery is broken:\n${problems.slice(0, 20).join('\n')}`);
}

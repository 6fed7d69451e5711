import type { Leadership } from '../../partition/replication.ts';

/** Nobody leads the partition: it can be neither written nor read. */
export function isOffline({ leaderId }: Leadership): boolean {
  return leaderId < 0;
}

/** Replicas that a reassignment brings do not count as missing, as in Kafka. */
export function isUnderReplicated({ replicas, adding, isr }: Leadership): boolean {
  return isr.length < replicas.length - adding.length;
}

import type { Leadership } from '../../partition/replication.ts';

/** Nobody leads the partition: it can be neither written nor read. */
export function isOffline({ leaderId }: Leadership): boolean {
  return leaderId < 0;
}

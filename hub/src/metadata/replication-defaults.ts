import type { HubSettings } from '../settings.ts';

/** Replicas of a topic, and how many of them have to be in sync, where nothing else is said: a standalone broker has one copy of all. */
export function replicationDefaults({
  etcd,
  replication,
  minInsync,
}: Pick<HubSettings, 'etcd' | 'replication' | 'minInsync'>): { replicas: number; minInsync: number } {
  if (etcd.length === 0) return { replicas: 1, minInsync: 1 };
  return { replicas: replication, minInsync: minInsync ?? Math.max(1, replication - 1) };
}

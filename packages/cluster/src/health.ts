import type { PartitionRecord } from './records.ts';

/**
 * Whether fewer are in sync than a partition is to have, counted as Kafka counts it: what a reassignment brings is no replica that is
 * missing, and once it is in sync it stands for one that is to go.
 */
export function isUnderReplicated({
  replicas,
  isr,
  adding,
}: Pick<PartitionRecord, 'replicas' | 'isr' | 'adding'>): boolean {
  return isr.length < replicas.length - adding.length;
}

/**
 * The partition of `__consumer_offsets` that a group belongs to: |hashCode| mod partitions, where the hash is that of
 * Java's String and the absolute value of the smallest integer counts as 0. Kafka's rule, so its tools look in the same place.
 */
export function partitionOf(groupId: string, partitions: number): number {
  let hash = 0;
  for (let i = 0; i < groupId.length; i++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(i)) | 0;
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitions;
}

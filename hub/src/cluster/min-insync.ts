import { type PartitionRecord, withMinInsync } from '@edgelog/cluster';
import type { TopicRecord } from './records.ts';

/** A partition's min.insync.replicas: what its topic says, or the brokers' own, but no more than it has replicas. */
export function minInsyncOf(topic: Pick<TopicRecord, 'configs'>, fallback: number, replicas: number): number {
  return Math.min(Number(topic.configs['min.insync.replicas'] ?? fallback), replicas);
}

/** The record with the min.insync.replicas that its topic asks for; itself where that is so. */
export function withTopicsMinInsync(
  record: PartitionRecord,
  topic: Pick<TopicRecord, 'configs'>,
  fallback: number,
): PartitionRecord {
  const wanted = minInsyncOf(topic, fallback, record.replicas.length - record.removing.length);
  return wanted === record.minInsync ? record : withMinInsync(record, wanted);
}

import { type KafkaCluster, refusal, type TopicMetadata } from '@edgelog/client';
import { ErrorCode } from '@edgelog/wire';

/** A topic as it is now. Throws REFUSED when there is none. */
export async function topicOf(cluster: KafkaCluster, name: string): Promise<TopicMetadata> {
  const found = await cluster.topic(name, true);
  if (found === undefined) throw refusal(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `topic ${name}`);
  return found;
}

import type { ClusterConfigs } from './cluster.ts';
import { EXPIRATION_MS } from './limits.ts';

/** What a topic's configuration means for runs. */
export interface TopicPolicy {
  /** How far ahead of the leader's clock a record's time may be; undefined: anything. */
  readonly aheadMsMax: number | undefined;
  /** For how long after its newest record's time the cluster remembers a producer; undefined: after the append. */
  readonly expirationMs: number | undefined;
  /** Batches are compressed anew, so that their CRC is another one. */
  readonly rewrites: boolean;
  /** Records without a key are refused, older ones deleted. */
  readonly isCompacted: boolean;
}

/** Of what is not told Kafka's defaults hold. */
export function topicPolicy({ topic = new Map(), broker }: ClusterConfigs): TopicPolicy {
  const isAppendTime = topic.get('message.timestamp.type') === 'LogAppendTime';
  const ahead = Number(topic.get('message.timestamp.after.max.ms') ?? Number.NaN);
  const expiration = Number(broker?.get('producer.id.expiration.ms') ?? EXPIRATION_MS);
  const compression = topic.get('compression.type') ?? 'producer';
  return {
    aheadMsMax: isAppendTime ? 0 : Number.isSafeInteger(ahead) ? ahead : undefined,
    expirationMs: isAppendTime ? undefined : expiration,
    rewrites: compression !== 'producer',
    isCompacted: topic.get('cleanup.policy')?.includes('compact') === true,
  };
}

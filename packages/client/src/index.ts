export {
  type CallOptions,
  KafkaCluster,
  type KafkaClusterOptions,
} from './cluster/kafka-cluster.ts';
export type { MetadataAnswer, PartitionMetadata, TopicMetadata } from './cluster/metadata.ts';
export { Connection, type ConnectionOptions, type RequestBody, type RequestOptions } from './connection.ts';
export type { FrameMemory } from './frames.ts';
export { check, isPassing, isRetriable, isTurnedAway, KafkaRefusal, refusal } from './refusal.ts';
export {
  type KafkaSecurity,
  type PasswordMechanism,
  type Sasl,
  securityWarning,
  type TlsFiles,
  type TokenSource,
} from './security.ts';
export {
  isKafkaUrl,
  type KafkaSecuritySettings,
  type KafkaUrl,
  kafkaSecurityFields,
  kafkaSecurityOf,
  mergeKafkaUrls,
  parseKafkaUrl,
} from './settings.ts';

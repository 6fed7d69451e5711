export type * from './cluster.ts';
export { type EdgelogEvent, EVENTS_TOPIC, encodeEvent, eventOf, gapEvent } from './event.ts';
export { type TopicFinding, topicFindings } from './findings.ts';
export { SinkHolder, type SinkHolderOptions } from './holder.ts';
export { type ConnectOptions, connectKafkaCluster } from './kafka-cluster.ts';
export { processClock } from './process-clock.ts';
export { type SinkSettings, sinkFields, sinkSettings } from './settings.ts';
export { openKafkaSink } from './sink.ts';
export type { KafkaSink, KafkaSinkOptions, KafkaSinkStatus, SinkTimers } from './sink-types.ts';

export type * from './cluster.ts';
export type { TopicFinding } from './findings.ts';
export { type SinkSettings, sinkFields, sinkSettings } from './settings.ts';
export type { KafkaSink, KafkaSinkOptions, KafkaSinkStatus, SinkTimers } from './sink-types.ts';

export { type Alarm, type AlarmLog, Alarms } from './alarms.ts';
export { BUILT_AT_MS, GatewayClock, type GatewayClockOptions } from './clock.ts';
export {
  type ClockMode,
  type ClockStatus,
  FLOOR_HELD_MS_MAX,
  type RecordClock,
  UNTRUSTED_HEADER,
} from './clock-types.ts';
export { CommitPace, type CommitPacing } from './commit-pace.ts';
export { type Deferred, deferred } from './deferred.ts';
export { Disk, type DiskLevel, type DiskOptions, type DiskStatus } from './disk.ts';
export type { Append } from './edge-stream.ts';
export { openLanes } from './lane-keeper.ts';
export { PENDING_BYTES_MAX, Pressure } from './pressure.ts';
export { type Reading, readingBytes, sourceHeaders } from './reading.ts';
export { Reserve } from './reserve.ts';
export type { Dropped } from './room.ts';
export { currentRun, type Run } from './runs.ts';
export { type LostRange, type ReadPart, StreamReader } from './stream-reader.ts';
export { type Stream, StreamSet, type StreamSetOptions } from './stream-set.ts';
export { parseJson, randomStreamIds, type StreamIds } from './stream-state.ts';
export {
  TopicPolicies,
  type TopicPolicy,
  topicPolicySchema,
  WHEN_FULL,
  type WhenFull,
} from './topic-policy.ts';
export type { Backlog, EdgeUplinkStream, PoisonBatch } from './uplink-stream.ts';
export { WEAR, WEAR_MODES, type WearMode } from './wear.ts';
export { WearMeter, type WearStatus } from './wear-meter.ts';
